//! Medians of exact values, and of those over time: a long series as few points, in which a peak moves
//! nothing.

use super::class::MOST;

/// The median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted[sorted.len() / 2]);
    Some(f64::midpoint(*low, high))
}

/// One point for values with their times: the mean of the times, the median of the values. `None` for
/// none.
pub fn point(group: &[(f64, f64)]) -> Option<(f64, f64)> {
    let values: Vec<f64> = group.iter().map(|&(_, value)| value).collect();
    let time = group.iter().map(|&(at, _)| at).sum::<f64>() / group.len() as f64;
    Some((time, median(&values)?))
}

/// The points of values in order of their times, in at most [`MOST`] equal parts of the time, each at
/// least `width` long. Parts without values have no point.
pub fn over_time(values: &[(f64, f64)], width: f64) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return Vec::new() };
    let width = ((last.0 - first.0) / MOST as f64).max(width);
    let part = |at: f64| (((at - first.0) / width) as usize).min(MOST - 1);
    values.chunk_by(|a, b| part(a.0) == part(b.0)).filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::{MOST, median, over_time, point};

    #[test]
    fn the_middle_is_found_whatever_the_order() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(point(&[(0.0, 5.0), (2.0, 1.0), (4.0, 900.0)]), Some((2.0, 5.0)));
    }

    #[test]
    fn points_stand_for_equal_parts_of_the_time() {
        assert!(over_time(&[], 1.0).is_empty());
        // A crowd in the first second, then one value per second.
        let crowd = (0..100).map(|i| (f64::from(i) / 100.0, 1.0));
        let rest = (1..=64).map(|i| (f64::from(i), f64::from(i)));
        let points = over_time(&crowd.chain(rest).collect::<Vec<_>>(), 1e-3);
        assert_eq!(points.len(), MOST);
        assert_eq!((points[0].1, points[1]), (1.0, (1.0, 1.0)));
        // What is closer together than a part is one point.
        assert_eq!(over_time(&[(0.0, 1.0), (0.4, 3.0), (5.0, 7.0)], 1.0), [(0.2, 2.0), (5.0, 7.0)]);
    }
}
