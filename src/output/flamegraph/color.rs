//! The colours: steps of growth and of shrinkage, and a hue for each package.

use crate::model::names::fnv;
use crate::model::origin;

/// No change.
pub(super) const SAME: &str = "rgb(236,236,236)";
/// Growth and shrinkage within sampling error.
pub(super) const NOISE: [&str; 2] = ["rgb(248,238,232)", "rgb(232,239,248)"];
/// Shares of the whole in percent at which each step after the first begins.
pub(super) const STEPS: [f64; 4] = [0.1, 1.0, 5.0, 20.0];
/// Growth, by step.
pub(super) const GROWN: [&str; 5] = [
    "rgb(252,220,210)",
    "rgb(250,184,168)",
    "rgb(244,142,122)",
    "rgb(233,96,78)",
    "rgb(218,56,44)",
];
/// Shrinkage, by step.
pub(super) const SHRUNK: [&str; 5] = [
    "rgb(214,229,247)",
    "rgb(178,207,241)",
    "rgb(134,178,233)",
    "rgb(92,149,222)",
    "rgb(61,122,210)",
];

/// A hue for the package, a shade for the name.
pub(super) fn package(name: &str) -> String {
    let package = origin::package(name);
    let shade = fnv(name) % 11;
    if origin::is_standard_library(name) {
        let grey = 204 + 2 * shade;
        return format!("rgb({grey},{grey},{})", grey - 6);
    }
    let hue = fnv(if package.is_empty() { name } else { package }) % 360;
    let [r, g, b] = rgb(hue as f64, 0.62, 0.70 + shade as f64 * 0.01);
    format!("rgb({r},{g},{b})")
}

/// From hue (degrees), saturation and lightness, as CSS defines them.
fn rgb(hue: f64, saturation: f64, lightness: f64) -> [u8; 3] {
    let amplitude = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let k: f64 = (offset + hue / 30.0) % 12.0;
        let part = lightness - amplitude * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (part * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::{package, rgb};

    #[test]
    fn hues_are_those_of_css() {
        assert_eq!(rgb(0.0, 1.0, 0.5), [255, 0, 0]);
        assert_eq!(rgb(120.0, 1.0, 0.5), [0, 255, 0]);
        assert_eq!(rgb(240.0, 0.5, 0.75), [159, 159, 223]);
    }

    #[test]
    fn a_package_has_one_hue_and_the_library_none() {
        assert_eq!(package("main.a"), package("main.a"));
        assert_ne!(package("main.a"), package("example.com/x.a"));
        let library = package("net/http.(*Server).Serve");
        let parts: Vec<i32> =
            library[4..library.len() - 1].split(',').map(|part| part.parse().unwrap()).collect();
        assert!((parts[0] - parts[2]).abs() < 10, "{library}");
    }
}
