// What JSX becomes: shorter than the calls of the newer transform.
export { h, Fragment } from 'preact';
