//! The whole file's hashes and size, taken while it is read.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// A reader that hashes what is read through it.
pub(crate) struct Whole<R> {
    reader: R,
    size: u64,
    md5: Md5,
    sha1: Sha1,
    sha256: Sha256,
}

/// What a file is known by; the hashes in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Bytes.
    pub size: u64,
    /// 32 digits.
    pub md5: String,
    /// 40 digits.
    pub sha1: String,
    /// 64 digits.
    pub sha256: String,
}

impl<R: Read> Whole<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, size: 0, md5: Md5::new(), sha1: Sha1::new(), sha256: Sha256::new() }
    }

    /// Of what was read so far.
    pub(crate) fn sums(self) -> Sums {
        Sums {
            size: self.size,
            md5: hex::encode(self.md5.finalize()),
            sha1: hex::encode(self.sha1.finalize()),
            sha256: hex::encode(self.sha256.finalize()),
        }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        self.md5.update(bytes);
        self.sha1.update(bytes);
        self.sha256.update(bytes);
        self.size += u64::try_from(count).unwrap_or_default();
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_sums_are_those_of_the_standards_examples() {
        let mut whole = Whole::new(&b"abc"[..]);
        io::copy(&mut whole, &mut io::sink()).unwrap();
        let sums = whole.sums();
        assert_eq!(sums.size, 3);
        // RFC 1321, A.5; FIPS 180-2, A.1 and B.1.
        assert_eq!(sums.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(sums.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(sums.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
