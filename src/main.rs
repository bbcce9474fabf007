//! The heapdiff program: runs the command that the arguments name and exits with its code.

use heapdiff::command::{self, Console};
use std::io::{BufWriter, stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    heapdiff::parallel::join_in();
    // The command decides once whether to use colour; the stream only translates it for old
    // consoles.
    let mut out = BufWriter::new(anstream::AutoStream::always(stdout().lock()));
    let mut err = anstream::AutoStream::always(stderr());
    let mut console = Console::of_process(&mut out, &mut err);
    ExitCode::from(command::run(std::env::args_os(), &mut console))
}
