//! Converts and prints units of measured values: bytes, counts and time.
//!
//! Profiles name their units freely ("bytes", "kilobyte", "nanoseconds", "count"). Two profiles can
//! be compared if their units are of the same kind, so this module has the kinds and the factors
//! between units of a kind. It prints sizes in binary units (KiB, MiB), the units of the memory
//! limits of containers.

use std::fmt;

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An amount of memory; the base unit is the byte.
    Bytes,
    /// A duration; the base unit is the nanosecond.
    Time,
    /// A plain number: objects, samples, or an unknown unit.
    Count,
}

/// Bytes of a MiB.
pub const MIB: f64 = 1_048_576.0;

/// Memory units with their size in bytes, smallest first. `kB` is 1024 bytes, as in pprof.
const BYTE_UNITS: [(&[&str], f64); 6] = [
    (&["b", "byte"], 1.0),
    (&["kb", "kib", "kbyte", "kilobyte", "kibibyte", "k"], 1024.0),
    (&["mb", "mib", "mbyte", "megabyte", "mebibyte", "m"], MIB),
    (&["gb", "gib", "gbyte", "gigabyte", "gibibyte", "g"], 1_073_741_824.0),
    (&["tb", "tib", "tbyte", "terabyte", "tebibyte", "t"], 1_099_511_627_776.0),
    (&["pb", "pib", "pbyte", "petabyte", "pebibyte", "p"], 1_125_899_906_842_624.0),
];

/// Time units with their length in nanoseconds, smallest first.
const TIME_UNITS: [(&[&str], f64); 6] = [
    (&["ns", "nanosecond"], 1.0),
    (&["us", "µs", "μs", "microsecond"], 1e3),
    (&["ms", "millisecond"], 1e6),
    (&["s", "sec", "second"], 1e9),
    (&["min", "minute"], 60e9),
    (&["hr", "hour", "h"], 3600e9),
];

fn lookup(table: &[(&[&str], f64)], unit: &str) -> Option<f64> {
    let lower = unit.to_lowercase();
    let singular = match lower.strip_suffix('s') {
        Some(stem) if lower.len() > 2 => stem,
        _ => lower.as_str(),
    };
    table.iter().find(|(names, _)| names.contains(&singular)).map(|&(_, factor)| factor)
}

/// Returns the kind of a unit and its factor to the kind's base unit. Unknown units count as
/// [`Kind::Count`] with factor 1.
pub fn classify(unit: &str) -> (Kind, f64) {
    // A single letter is a memory unit only as typed by a person (`4M`), never in a profile.
    if let Some(factor) = lookup(&BYTE_UNITS, unit) {
        return (Kind::Bytes, factor);
    }
    if let Some(factor) = lookup(&TIME_UNITS, unit) {
        return (Kind::Time, factor);
    }
    (Kind::Count, 1.0)
}

/// Returns the factor that converts a value from `from` to `to`, or `None` if they are of different
/// kinds. Equal unknown units convert with factor 1.
pub fn conversion(from: &str, to: &str) -> Option<f64> {
    if from == to {
        return Some(1.0);
    }
    let ((kind, a), (other, b)) = (classify(from), classify(to));
    (kind == other && kind != Kind::Count).then_some(a / b)
}

/// A number of bytes, printed with three or four significant digits: `312.4 MiB`, `17 B`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub f64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let (mut value, mut step) = (self.0.abs(), 0);
        while step + 1 < NAMES.len() && (value >= 1024.0 || (step > 0 && value >= 1023.95)) {
            value /= 1024.0;
            step += 1;
        }
        let sign = if self.0 < 0.0 && value > 0.0 { "-" } else { "" };
        let number = if step == 0 { decimals::<0>(value) } else { decimals::<1>(value) };
        f.pad(&format!("{sign}{number} {}", NAMES[step]))
    }
}

/// A number from 0 on with some decimals. Sizes are often whole numbers of them, for which the
/// standard library takes its longest way.
fn decimals<const PLACES: usize>(value: f64) -> String {
    let unit = 10_u32.pow(PLACES as u32);
    let units = value * f64::from(unit);
    let whole = units as u32;
    if f64::from(whole).to_bits() != units.to_bits() {
        format!("{value:.PLACES$}")
    } else if PLACES == 0 {
        whole.to_string()
    } else {
        format!("{}.{:0PLACES$}", whole / unit, whole % unit)
    }
}

/// A duration in nanoseconds, printed with its two largest parts: `14 min 58 s`, `1.50 s`.
#[derive(Clone, Copy, Debug)]
pub struct Nanoseconds(pub f64);

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.abs();
        let sign = if self.0 < 0.0 { "-" } else { "" };
        let whole = (ns / 1e9).round();
        let two = |big: f64, name: &str, small: f64, small_name: &str| {
            let rest = ((whole % big) / small).floor();
            let head = (whole / big).floor();
            if rest > 0.0 {
                format!("{head:.0} {name} {rest:.0} {small_name}")
            } else {
                format!("{head:.0} {name}")
            }
        };
        let text = if ns < 1e3 {
            format!("{ns:.0} ns")
        } else if ns < 1e6 {
            format!("{:.1} µs", ns / 1e3)
        } else if ns < 1e9 {
            format!("{:.1} ms", ns / 1e6)
        } else if whole < 60.0 {
            format!("{:.2} s", ns / 1e9)
        } else if whole < 3600.0 {
            two(60.0, "min", 1.0, "s")
        } else if whole < 86_400.0 {
            two(3600.0, "h", 60.0, "min")
        } else {
            two(86_400.0, "d", 3600.0, "h")
        };
        f.pad(&format!("{sign}{text}"))
    }
}

/// A whole number with its digits in groups of three: `1 204 331`.
#[derive(Clone, Copy, Debug)]
pub struct Grouped(pub i64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
        if self.0 < 0 {
            text.push('-');
        }
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// A number in short form with a decimal suffix: `950`, `12.3 k`, `1.9 M`.
#[derive(Clone, Copy, Debug)]
pub struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.abs();
        let sign = if self.0 < 0.0 { "-" } else { "" };
        let (scaled, suffix) = if value < 9_999.5 {
            return f.pad(&format!("{sign}{value:.0}"));
        } else if value < 999_950.0 {
            (value / 1e3, "k")
        } else if value < 999_950_000.0 {
            (value / 1e6, "M")
        } else {
            (value / 1e9, "G")
        };
        f.pad(&format!("{sign}{scaled:.1} {suffix}"))
    }
}

/// Ends the unit of a rate: `nanoseconds/s`. Rates of counts are in thousandths.
pub const RATE: &str = "/s";

/// Prints a value of a sample type in the unit that fits its size: bytes, time or a count, or any of
/// them per second.
pub fn display(value: f64, unit: &str) -> String {
    if let Some(unit) = unit.strip_suffix(RATE) {
        return match classify(unit).0 {
            Kind::Count if value.abs() < 9995.0 => format!("{:.2}{RATE}", value / 1000.0),
            Kind::Count if value.abs() < 99_950.0 => format!("{:.1}{RATE}", value / 1000.0),
            Kind::Count => format!("{}{RATE}", Short(value / 1000.0)),
            Kind::Bytes | Kind::Time => format!("{}{RATE}", display(value, unit)),
        };
    }
    match classify(unit) {
        (Kind::Bytes, factor) => Bytes(value * factor).to_string(),
        (Kind::Time, factor) => Nanoseconds(value * factor).to_string(),
        (Kind::Count, _) => Short(value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_print_in_binary_units() {
        let cases = [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1024.0, "1.0 KiB"),
            (524_288.0, "512.0 KiB"),
            (1_048_575.0, "1.0 MiB"),
            (-3.5 * 1_048_576.0, "-3.5 MiB"),
            (9.9 * 1_073_741_824.0, "9.9 GiB"),
        ];
        for (value, text) in cases {
            assert_eq!(Bytes(value).to_string(), text);
        }
    }

    #[test]
    fn decimals_are_those_of_the_standard_library() {
        let numbers = (0..20_000).map(|i| f64::from(i) / 16.0);
        for number in numbers.chain([0.05, 0.25, 1023.95, 1e300, f64::INFINITY, f64::NAN]) {
            assert_eq!(decimals::<0>(number), format!("{number:.0}"));
            assert_eq!(decimals::<1>(number), format!("{number:.1}"));
        }
    }

    #[test]
    fn units_convert_within_a_kind_only() {
        assert_eq!(conversion("kilobytes", "bytes"), Some(1024.0));
        assert_eq!(conversion("nanoseconds", "ms"), Some(1e-6));
        assert_eq!(conversion("bytes", "count"), None);
        assert_eq!(conversion("widgets", "widgets"), Some(1.0));
        assert_eq!(conversion("widgets", "count"), None);
    }

    #[test]
    fn durations_and_counts_are_short() {
        assert_eq!(Nanoseconds(898e9).to_string(), "14 min 58 s");
        assert_eq!(Nanoseconds(1.5e9).to_string(), "1.50 s");
        assert_eq!(Nanoseconds(90_000e9).to_string(), "1 d 1 h");
        assert_eq!(Grouped(-1_204_331).to_string(), "-1 204 331");
        assert_eq!(Short(1_900_000.0).to_string(), "1.9 M");
        assert_eq!(Short(950.0).to_string(), "950");
        assert_eq!(display(140e6, "nanoseconds/s"), "140.0 ms/s");
        assert_eq!(display(-1250.0, "count/s"), "-1.25/s");
        assert_eq!(display(14_000.0, "count/s"), "14.0/s");
    }
}
