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

/// For each of several hypotheses, the number n among which it is judged by Holm's procedure (1979),
/// so that any of them is rejected by mistake with a probability of at most α; in the order given.
///
/// A hypothesis is rejected if its p is at most α/n. Holm starts with n = m, the number of all
/// hypotheses, and whatever is rejected makes n smaller for the others. `largest(i, m)` is the
/// largest n up to m at which hypothesis i would be rejected, 0 for none: the same as p, for tests
/// that give bounds and not a p-value. The n of a rejected hypothesis is that at which it fell; of
/// the others, the number that are left.
pub fn holm(count: usize, largest: impl Fn(usize, usize) -> usize) -> Vec<usize> {
    let strength: Vec<usize> = (0..count).map(|i| largest(i, count)).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(strength[i]), i));
    let fallen = order.iter().enumerate().take_while(|&(rank, &i)| strength[i] >= count - rank);
    let fallen = fallen.count();
    let mut among = vec![count - fallen; count];
    for (rank, &i) in order.iter().take(fallen).enumerate() {
        among[i] = count - rank;
    }
    among
}

/// The largest n in 1 to `most` at which `is_rejected`, which holds for all smaller n as well; 0 if
/// there is none.
pub fn largest(most: usize, is_rejected: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if is_rejected(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holm's procedure by p-values, as in its paper.
    fn by_p(p: &[f64], alpha: f64) -> Vec<bool> {
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
        let mut rejected = vec![false; p.len()];
        for (rank, &i) in order.iter().enumerate() {
            if p[i] > alpha / (p.len() - rank) as f64 {
                break;
            }
            rejected[i] = true;
        }
        rejected
    }

    fn among(p: &[f64], alpha: f64) -> Vec<usize> {
        holm(p.len(), |i, most| largest(most, |n| p[i] <= alpha / n as f64))
    }

    #[test]
    fn holm_rejects_what_its_paper_rejects() {
        let mut random = super::super::simulation::Random(3);
        for count in 0..40 {
            let p: Vec<f64> = (0..count).map(|_| random.uniform().powi(4)).collect();
            let rejected = by_p(&p, 0.05);
            let among = among(&p, 0.05);
            let found: Vec<bool> =
                p.iter().zip(&among).map(|(p, &n)| *p <= 0.05 / n as f64).collect();
            assert_eq!(found, rejected, "{p:?} {among:?}");
        }
    }

    #[test]
    fn what_falls_makes_it_easier_for_the_others() {
        // .01 ≤ .05/3, then .02 ≤ .05/2, then .04 ≤ .05.
        assert_eq!(among(&[0.04, 0.01, 0.02], 0.05), [1, 3, 2]);
        // .03 > .05/2: nothing falls after the first.
        assert_eq!(among(&[0.04, 0.01, 0.03], 0.05), [2, 3, 2]);
        assert_eq!(among(&[0.06], 0.05), [1]);
        assert_eq!(among(&[], 0.05), Vec::<usize>::new());
        // Equal ones fall in their order, and all of them.
        assert_eq!(among(&[0.01; 3], 0.05), [3, 2, 1]);
    }

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
