//! The page of a program: `name.html` beside the executable `name` or `name.*`, as it is beside
//! `name.rs` for a service that is compiled in. It is read each time, since it may change.

use std::io::{self, ErrorKind, Read};

use crate::host::nofollow;
use crate::process::executable::LookupError;
use crate::process::file_names;
use crate::process::lookup::DocumentRoot;

impl DocumentRoot {
    /// The page of the program with this key, of so many bytes at most; `None` if it has none.
    ///
    /// # Errors
    /// It is longer, or cannot be read.
    pub(crate) fn page(&self, key: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let Some((url, stem)) = file_names::split(key).filter(|_| self.only.is_none()) else {
            return Ok(None);
        };
        // It is beside the name in the request. Links of both may lead to different places.
        let page = self.path.join(url.trim_start_matches('/')).join(format!("{stem}.html"));
        let opened = nofollow::open_below(&self.path, &page);
        let (place, file) = match opened.map_err(LookupError::from) {
            Ok(opened) => opened,
            Err(LookupError::System(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut body = Vec::new();
        file.take(bytes_max as u64 + 1).read_to_end(&mut body)?;
        if body.len() > bytes_max {
            let text = format!("{place:?} is longer than {bytes_max} bytes, which is the most");
            return Err(io::Error::new(ErrorKind::FileTooLarge, text));
        }
        Ok(Some(body))
    }
}
