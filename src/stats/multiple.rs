//! Many tests at once.
//!
//! One test in twenty reports growth for a stack that didn't grow, and a program has thousands of
//! stacks. A q-value answers the reader's question instead: of all rows marked up to this one, what
//! share is marked by mistake?

/// The Benjamini–Hochberg (1995) q-values of p-values, in the order given; each within 0 to 1.
///
/// q of the k-th smallest of m is the least p·m/j over all ranks j ≥ k. Marking all rows with q ≤ α
/// keeps the expected share of false ones at or below α, for independent tests and for positively
/// dependent ones (Benjamini and Yekutieli 2001). A value that isn't a number counts as a p of 1.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let cautious = |p: f64| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) };
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| cautious(p[a]).total_cmp(&cautious(p[b])).then(a.cmp(&b)));
    let mut q = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (rank, &index) in order.iter().enumerate().rev() {
        least = least.min(cautious(p[index]) * p.len() as f64 / (rank + 1) as f64);
        q[index] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example() {
        let q = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.9]);
        let want = [0.025, 0.05, 0.05, 0.025, 0.9];
        for (got, want) in q.iter().zip(want) {
            assert!((got - want).abs() < 1e-12, "{q:?}");
        }
    }

    #[test]
    fn ties_share_their_q() {
        assert_eq!(benjamini_hochberg(&[0.02, 0.02, 0.02]), [0.02; 3]);
    }

    #[test]
    fn absurd_input_is_cautious() {
        assert_eq!(benjamini_hochberg(&[]), Vec::<f64>::new());
        assert_eq!(benjamini_hochberg(&[f64::NAN, -1.0, 7.0]), [1.0, 0.0, 1.0]);
    }
}
