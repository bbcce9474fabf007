//! Values of options that several commands read: sizes and times.

use bytesize::ByteSize;
use jiff::SignedDuration;
use std::time::Duration;

/// Reads a number of bytes above 0.
pub(super) fn size<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let size = text.parse::<ByteSize>().ok().map(|size| size.as_u64());
    size.filter(|&bytes| bytes > 0)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "expected a size such as 2GiB, 500MB or 1073741824".to_owned())
}

/// The longest time that an option may name: ten years. A clock can't count much further.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Reads a length of time above 0.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 30s, 10m, 1h30m or 500ms".to_owned();
    let time = text.parse::<SignedDuration>().map_err(|_| expected())?;
    let time = Duration::try_from(time).ok().filter(|time| !time.is_zero());
    let time = time.ok_or_else(expected)?;
    if time > LONGEST {
        return Err("expected at most ten years".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("87600h"), Ok(super::LONGEST));
        for wrong in ["", "5", "0s", "-3s", "soon", "87601h", "2562047788015215h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
