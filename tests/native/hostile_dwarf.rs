//! Small binaries whose debug information asks for very much work: what is read of them is in proportion to their size,
//! what is left out is said, and functions keep the names of the table of symbols.
//!
//! Without the bounds, each of these takes hours, all memory, or more stack than there is.

use super::tools::{Program, folder, has};
use heapdiff::symbolize::{Binary, Names, Unread};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Forms and attributes of DWARF, as the assembler takes them.
const ABBREVIATIONS: &str = "
    .section .debug_abbrev,\"\",@progbits
abbreviations:
    # 1: a unit with a range
    .uleb128 1, 0x11; .byte 1
    .uleb128 0x11, 0x01, 0x12, 0x07, 0, 0
    # 2: a function with a range and a name
    .uleb128 2, 0x2e; .byte 1
    .uleb128 0x11, 0x01, 0x12, 0x07, 0x03, 0x08, 0, 0
    # 3: an inlined function
    .uleb128 3, 0x1d; .byte 1
    .uleb128 0, 0
    # 4: a function with a list of ranges
    .uleb128 4, 0x2e; .byte 0
    .uleb128 0x55, 0x17, 0, 0
    # 5: a unit with a range and a line program
    .uleb128 5, 0x11; .byte 0
    .uleb128 0x11, 0x01, 0x12, 0x07, 0x10, 0x17, 0, 0
    # 6: an inlined function with a range whose name is that of another
    .uleb128 6, 0x1d; .byte 1
    .uleb128 0x11, 0x01, 0x12, 0x07, 0x31, 0x13, 0, 0
    .byte 0
";

/// A unit with these entries.
fn unit(label: &str, entries: &str) -> String {
    format!(
        "    .4byte end_{label} - begin_{label}\nbegin_{label}:\n    .2byte 4\n    .4byte abbreviations\n    .byte 8\n\
         {entries}end_{label}:\n"
    )
}

/// Links a library with a function of 4096 bytes and this debug information.
fn link(name: &str, sections: &str) -> Vec<u8> {
    let here = folder(name);
    let source = here.join("hostile.s");
    let text = "    .text\n    .globl work\n    .type work,@function\nwork:\n    .fill 4095, 1, 0x90\n    ret\n    .size work, 4096\n";
    fs::write(&source, format!("{text}{ABBREVIATIONS}{sections}")).unwrap();
    let out = here.join("hostile.so");
    let linked = Command::new("g++")
        .args(["-shared", "-nostdlib", "-o"])
        .arg(&out)
        .arg(&source)
        .output()
        .unwrap();
    assert!(linked.status.success(), "{}", String::from_utf8_lossy(&linked.stderr));
    fs::read(out).unwrap()
}

/// Looks up every address of the function, several times over with others around it.
fn look_up(bytes: Vec<u8>) -> (Unread, usize) {
    let binary = Binary::parse(&Arc::from(bytes)).unwrap();
    assert!(binary.has_dwarf);
    let mut names = Names::new(&binary, None, None);
    let mut named = 0;
    for address in 0..0x8000 {
        named +=
            usize::from(names.find(address).iter().any(|frame| frame.function.contains("work")));
    }
    (names.unread(), named)
}

#[test]
fn functions_inlined_a_million_times_in_one_another() {
    if !has(&["g++"]) {
        return;
    }
    let function = "    .uleb128 2\n    .8byte work\n    .8byte 4096\n    .asciz \"worker\"\n";
    let depth = 1_000_000;
    let entries = format!(
        "    .uleb128 1\n    .8byte work\n    .8byte 4096\n{function}    .fill {depth}, 1, 3\n    .fill {}, 1, 0\n",
        depth + 2
    );
    let info = format!("    .section .debug_info,\"\",@progbits\n{}", unit("deep", &entries));
    let (unread, named) = look_up(link("hostile-deep", &info));
    assert!(unread.is_deep, "{unread:?}");
    assert_eq!(named, 4096, "the table of symbols has it");
}

#[test]
fn one_list_of_ranges_for_every_function() {
    if !has(&["g++"]) {
        return;
    }
    let count = 20_000;
    let functions = format!("    .rept {count}\n    .uleb128 4\n    .4byte ranges\n    .endr\n");
    let entries =
        format!("    .uleb128 1\n    .8byte work\n    .8byte 4096\n{functions}    .byte 0\n");
    let info = format!(
        "    .section .debug_ranges,\"\",@progbits\nranges:\n    .rept {count}\n    .8byte 1, 2\n    .endr\n    .8byte 0, 0\n\
         \x20   .section .debug_info,\"\",@progbits\n{}",
        unit("ranges", &entries)
    );
    let (unread, named) = look_up(link("hostile-ranges", &info));
    assert!(unread.addresses > 0, "{unread:?}");
    assert_eq!(named, 4096);
}

/// Units that claim all addresses.
fn units(count: usize, entries: &str) -> String {
    let mut info = "    .section .debug_info,\"\",@progbits\n".to_owned();
    for number in 0..count {
        write!(info, "{}", unit(&number.to_string(), entries)).unwrap();
    }
    info
}

#[test]
fn every_unit_claims_all_addresses() {
    if !has(&["g++"]) {
        return;
    }
    let entries = "    .uleb128 1\n    .8byte 0\n    .8byte 0x100000\n    .byte 0\n";
    let (unread, named) = look_up(link("hostile-units", &units(20_000, entries)));
    assert!(unread.addresses > 0, "{unread:?}");
    assert_eq!(named, 4096);
}

#[test]
fn one_line_program_for_every_unit() {
    if !has(&["g++"]) {
        return;
    }
    let entries = "    .uleb128 5\n    .8byte 0\n    .8byte 0x100000\n    .4byte lines\n";
    let lines = "    .section .debug_line,\"\",@progbits\nlines:\n    .4byte lines_end - lines_begin\nlines_begin:\n    .2byte 4\n\
                 \x20   .4byte program - header\nheader:\n    .byte 1, 1, 1, -5, 14, 13\n\
                 \x20   .byte 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1\n    .byte 0\n    .asciz \"a.c\"\n    .uleb128 0, 0, 0\n    .byte 0\n\
                 program:\n    .fill 400000, 1, 1\nlines_end:\n";
    let info = format!("{}{lines}", units(10_000, entries));
    let (unread, named) = look_up(link("hostile-lines", &info));
    assert!(unread.addresses > 0 || unread.is_all, "{unread:?}");
    assert_eq!(named, 4096);
}

#[test]
fn names_that_name_each_other() {
    if !has(&["g++"]) {
        return;
    }
    // Each inlined function has the name of the next, and the last that of the first.
    let count = 30_000;
    let mut entries = "    .uleb128 1\n    .8byte work\n    .8byte 4096\n    .uleb128 2\n    .8byte work\n    .8byte 4096\n    .asciz \"\"\n".to_owned();
    for number in 0..count {
        let next = (number + 1) % count;
        writeln!(
            entries,
            "origin_{number}:\n    .uleb128 6\n    .8byte work\n    .8byte 4096\n    .4byte origin_{next} - begin_loop + 4\n    .byte 0"
        )
        .unwrap();
    }
    entries.push_str("    .byte 0, 0\n");
    let info = format!("    .section .debug_info,\"\",@progbits\n{}", unit("loop", &entries));
    let (_, named) = look_up(link("hostile-loop", &info));
    assert_eq!(named, 4096);
}

#[test]
fn real_binaries_are_read_in_full() {
    if !has(&["g++"]) {
        return;
    }
    let here = folder("hostile-real");
    for flags in
        [&["-O2", "-g", "-gdwarf-5"][..], &["-O0", "-g3", "-gdwarf-4"], &["-O3", "-g", "-static"]]
    {
        let bytes = fs::read(Program::Cpp.build(&here, flags)).unwrap();
        let binary = Binary::parse(&Arc::from(bytes)).unwrap();
        let mut names = Names::new(&binary, None, None);
        let found: usize =
            (0..0x20_000).chain(0x40_0000..0x44_0000).map(|at| names.find(at).len()).sum();
        assert!(found > 1000, "{flags:?}: {found}");
        assert_eq!(names.unread(), Unread::default(), "{flags:?}");
    }
    // The tests themselves have much more debug information.
    let own = std::env::current_exe().unwrap();
    let binary = Binary::parse(&Arc::from(fs::read(Path::new(&own)).unwrap())).unwrap();
    let mut names = Names::new(&binary, None, None);
    let found: usize = (0..0x100_0000_u64).step_by(64).map(|at| names.find(at).len()).sum();
    assert!(found > 1000, "{found}");
    assert_eq!(names.unread(), Unread::default(), "{found} names");
}
