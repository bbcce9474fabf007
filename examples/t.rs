//! t
#![allow(clippy::all, clippy::pedantic, clippy::print_stdout, clippy::unwrap_used)]
use std::time::Instant;
fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    for _ in 0..2 {
        let t = Instant::now();
        for n in &names {
            let t = Instant::now();
            let p = heapdiff::input::read(std::fs::File::open(n).unwrap());
            match p {
                Ok(p) => println!(
                    "{n} {:?} samples {} locs {} labels {} fns {} locations {}",
                    t.elapsed(),
                    p.samples.len(),
                    p.samples.locations.len(),
                    p.label_sets.len(),
                    p.symbols.functions.len(),
                    p.symbols.locations.len()
                ),
                Err(e) => println!("{n}: {e}"),
            }
        }
        println!("serial {:?}", t.elapsed());
        let t = Instant::now();
        if names.len() == 2 {
            let s = heapdiff::command::load::load(
                &names,
                &heapdiff::command::progress::Progress::new(false),
            );
            match s {
                Ok(s) => println!("load {:?} stacks {}", t.elapsed(), s.snapshots.len()),
                Err(e) => println!("{e}"),
            }
        }
    }
}
