//! Connects the HTTP client to a socket in the file system.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};

/// Time between two attempts to connect.
const STEP: Duration = Duration::from_millis(20);

/// Connects to one socket, whatever host is asked for.
#[derive(Debug)]
pub(super) struct UnixConnector {
    pub(super) socket: PathBuf,
}

impl Connector for UnixConnector {
    type Out = UnixTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<UnixTransport>, Error> {
        let stream = Arc::new(Stream(connect(&self.socket, details.timeout)?));
        let handle: Arc<dyn ShutdownHandle> = Arc::<Stream>::clone(&stream);
        let weak: Weak<dyn ShutdownHandle> = Arc::downgrade(&handle);
        (details.register_shutdown)(weak)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(UnixTransport { stream, buffers }))
    }
}

/// Connects within the time. A service that accepts nothing more leaves a plain attempt waiting for ever.
fn connect(socket: &Path, timeout: NextTimeout) -> Result<UnixStream, Error> {
    use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio};
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
    let failed = |error: Errno| Error::Io(error.into());
    let address = SocketAddrUnix::new(socket).map_err(failed)?;
    let fd = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).map_err(failed)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC).map_err(failed)?;
    ioctl_fionbio(&fd, true).map_err(failed)?;
    let until = timeout.not_zero().and_then(|time| Instant::now().checked_add(*time));
    loop {
        match rustix::net::connect(&fd, &address) {
            Ok(()) => break,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(Error::Timeout(timeout.reason));
        }
        thread::sleep(STEP);
    }
    let stream = UnixStream::from(fd);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

#[derive(Debug)]
struct Stream(UnixStream);

impl ShutdownHandle for Stream {
    fn shutdown(&self) {
        // It may be closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// A connection to a socket.
#[derive(Debug)]
pub(super) struct UnixTransport {
    stream: Arc<Stream>,
    buffers: LazyBuffers,
}

/// Tells that time is up from other errors.
fn timed(error: std::io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.0.set_write_timeout(timeout.not_zero().map(|time| *time))?;
        let output = &self.buffers.output()[..amount];
        (&self.stream.0).write_all(output).map_err(|error| timed(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream.0.set_read_timeout(timeout.not_zero().map(|time| *time))?;
        let buffer = self.buffers.input_append_buf();
        let amount = loop {
            match (&self.stream.0).read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result.map_err(|error| timed(error, timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // Connections aren't used again.
        false
    }
}
