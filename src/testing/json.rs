//! JSON in tests, with the feature `json`.

use serde::{Serialize, de::DeserializeOwned};

use crate::testing::client::TestClient;
use crate::testing::text::message_text;
use crate::ws::Message;

/// With the feature `json`.
impl TestClient {
    /// Sends a value as JSON, in a text message.
    ///
    /// # Panics
    /// The socket is not open, or the value cannot be JSON.
    #[track_caller]
    pub fn say_json<T: Serialize + ?Sized>(&self, value: &T) {
        self.say(Message::from_json(value).expect("the test says JSON"));
    }

    /// Expects a text message next whose JSON is that of this value. The order of the fields does
    /// not matter.
    ///
    /// # Panics
    /// Something else came, or nothing.
    #[track_caller]
    pub fn expect_json<T: Serialize + ?Sized>(&self, value: &T) {
        let expected = Message::from_json(value).expect("the test expects JSON");
        let goal = format!("expects JSON {}", message_text(&expected));
        let found = self.take_message(&goal);
        let json = |message: &Message| message.json::<serde_json::Value>().ok();
        if json(&found).is_none() || json(&found) != json(&expected) {
            panic!("{}", self.fault(&goal, &message_text(&found)));
        }
    }

    /// Takes the next message, which is the JSON of such a value.
    ///
    /// # Panics
    /// Something else came, or nothing.
    #[track_caller]
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let goal = format!("expects JSON of {}", std::any::type_name::<T>());
        let found = self.take_message(&goal);
        match found.json() {
            Ok(value) => value,
            Err(error) => {
                panic!("{}", self.fault(&goal, &format!("{}: {error}", message_text(&found))))
            }
        }
    }
}
