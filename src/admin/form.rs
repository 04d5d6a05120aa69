//! `Form`: the parameters in the query of a target, as `curl --url-query` and forms write them
//! (application/x-www-form-urlencoded).

use crate::ws::form;
use crate::ws::{Response, Status};

/// The parameters that have not been taken.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a query.
    ///
    /// # Errors
    /// A 400: broken percent-encoding, text that is not UTF-8, or a name that comes twice.
    pub(super) fn read(query: &str) -> Result<Self, Response> {
        let mut read: Vec<(String, String)> = Vec::new();
        for (name, value) in form::pairs(query) {
            let (name, value) = (decode(name)?, decode(value)?);
            if read.iter().any(|(known, _)| *known == name) {
                return Err(bad(&format!("the parameter {name:?} is there twice")));
            }
            read.push((name, value));
        }
        Ok(Self(read))
    }

    /// Takes a parameter.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a parameter that has to be there.
    ///
    /// # Errors
    /// A 400 that names it.
    pub(super) fn need(&mut self, name: &str) -> Result<String, Response> {
        self.take(name).ok_or_else(|| bad(&format!("the parameter {name} is missing")))
    }

    /// All have been taken.
    ///
    /// # Errors
    /// A 400 that names one which is left: a misspelled parameter must not be a default.
    pub(super) fn end(self) -> Result<(), Response> {
        match self.0.first() {
            Some((name, _)) => Err(bad(&format!("there is no parameter {name:?} here"))),
            None => Ok(()),
        }
    }
}

pub(super) fn bad(text: &str) -> Response {
    Response::text(Status::BAD_REQUEST, text)
}

fn decode(text: &str) -> Result<String, Response> {
    let decoded = form::decode(text);
    if !decoded.is_whole {
        return Err(bad("the query has broken percent-encoding"));
    }
    String::from_utf8(decoded.bytes).map_err(|_| bad("the query is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_forms_write_them() {
        let mut form = Form::read("a=1&b=x%20y+z&&c&d=%40n%C3%A9=").expect("it is a form");
        assert_eq!(form.take("b").as_deref(), Some("x y z"));
        assert_eq!(form.take("d").as_deref(), Some("@né="));
        assert_eq!((form.take("c").as_deref(), form.take("c")), (Some(""), None));
        assert_eq!(form.need("a").ok().as_deref(), Some("1"));
        assert_eq!(form.end(), Ok(()));
    }

    #[test]
    fn other_queries_are_refused() {
        let reason = |query| Form::read(query).err().map(|refusal| refusal.reason().to_owned());
        for query in ["a=%", "a=%4", "a=%4g", "%zz=1"] {
            assert_eq!(reason(query).as_deref(), Some("the query has broken percent-encoding"));
        }
        assert_eq!(reason("a=%FF").as_deref(), Some("the query is not UTF-8"));
        assert_eq!(reason("a=1&%61=2").as_deref(), Some("the parameter \"a\" is there twice"));
        let form = Form::read("tO=1").expect("it is a form");
        let refusal = form.end().expect_err("it is left");
        assert_eq!(refusal.reason(), "there is no parameter \"tO\" here");
    }
}
