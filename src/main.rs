//! heapdiff: arguments in, a command runs, an exit code comes out.

use heapdiff::command::{self, Console};
use std::io::{BufWriter, stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    heapdiff::parallel::join_in();
    // Whether to colour is decided once, by the command; the stream only makes old consoles obey.
    let mut out = BufWriter::new(anstream::AutoStream::always(stdout().lock()));
    let mut err = anstream::AutoStream::always(stderr());
    let mut console = Console::of_process(&mut out, &mut err);
    ExitCode::from(command::run(std::env::args_os(), &mut console))
}
