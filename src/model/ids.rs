//! Ids: typed row numbers of tables. Each is a newtype over `u32`, so that a function can't be
//! taken for a location, and a column of ids is half as wide as one of `usize`.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The row as an index.
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// Makes the id of a row. Tables are limited to `u32::MAX` rows; the builder refuses
            /// more.
            pub fn from_index(index: usize) -> Self {
                Self(index as u32)
            }
        }
    )*};
}

ids! {
    /// A string of a [`super::strings::Strings`].
    StringId;
    /// A mapping: a binary or library in the address space.
    MappingId;
    /// A function.
    FunctionId;
    /// A location: an instruction address with its (inlined) lines.
    LocationId;
    /// A distinct stack of locations.
    StackId;
    /// A distinct set of labels.
    LabelSetId;
}
