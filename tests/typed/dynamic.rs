//! Calls of methods whose types are known only at run time: by a server's description, with messages that are made beforehand.

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use ipfi::core::codec::{DecodeLimits, Encoded};
use ipfi::schema::{self, TypeTable, Value};
use ipfi::typed::{Description, Method, descriptions};
use ipfi::{CodecId, Interface, Receiver, Wire};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Debug, Serialize, Deserialize, ipfi::Schema)]
struct Overflow {
    after: u64,
}

#[ipfi::interface]
trait Greeter {
    async fn hello(&self, name: String) -> String;
    fn count(&self, limit: u64) -> impl Stream<Item = u64>;
    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, Overflow>;
    fn echo(&self, lines: Receiver<String>) -> impl Stream<Item = String>;
    #[ipfi(notification)]
    async fn log(&self, line: String);
}

struct Polite(UnboundedSender<String>);

impl Greeter for Polite {
    async fn hello(&self, name: String) -> String {
        format!("Hello, {name}!")
    }

    fn count(&self, limit: u64) -> impl Stream<Item = u64> {
        stream::iter(0..limit)
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, Overflow> {
        let (mut sum, mut after) = (0_u64, 0);
        while let Some(Ok(number)) = numbers.next().await {
            sum = sum.checked_add(number).ok_or(Overflow { after })?;
            after += 1;
        }
        Ok(sum)
    }

    fn echo(&self, lines: Receiver<String>) -> impl Stream<Item = String> {
        lines.map(Result::unwrap)
    }

    async fn log(&self, line: String) {
        self.0.send(line).unwrap();
    }
}

const CODECS: [CodecId; 2] = [CodecId::Bincode, CodecId::MessagePack];

async fn described(wire: &Wire) -> Description {
    descriptions(wire).await.unwrap().remove(0)
}

fn method<'a>(description: &'a Description, name: &str) -> &'a Method {
    description.methods.iter().find(|method| method.name == name).unwrap()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// What is sent to a method, and what it answers.
struct Caller<'a> {
    codec: CodecId,
    types: TypeTable<'a>,
    method: &'a Method,
}

impl Caller<'_> {
    fn arguments(&self, values: &[Value]) -> Encoded {
        let parameters = &self.method.parameters;
        Encoded(schema::encode_arguments(self.codec, parameters, &self.types, values).unwrap())
    }

    fn item(&self, value: &Value) -> Encoded {
        let shape = self.method.items.as_ref().unwrap();
        Encoded(schema::encode(self.codec, shape, &self.types, value).unwrap())
    }

    fn answer(&self, answer: &Encoded) -> Result<Value, Value> {
        let (shape, error) = (self.method.answer.as_ref().unwrap(), self.method.error.as_ref());
        let limits = DecodeLimits::default();
        schema::decode_answer(self.codec, shape, error, &self.types, &answer.0, &limits).unwrap()
    }
}

#[tokio::test]
async fn every_kind_of_method_is_called_by_its_description() {
    let (lines, mut told) = unbounded_channel();
    let wire = ipfi::in_process(Interface::new().serve(GreeterServer(Polite(lines))));
    let description = described(&wire).await;
    for codec in CODECS {
        let caller = |name| {
            let types = TypeTable::new(&description.types);
            Caller { codec, types, method: method(&description, name) }
        };
        let hello = caller("hello");
        let arguments = hello.arguments(&[text("Ada")]);
        let answer = wire.call::<Encoded>(hello.method.index, arguments).codec(codec).await.unwrap();
        assert_eq!(hello.answer(&answer), Ok(text("Hello, Ada!")));

        let count = caller("count");
        let arguments = count.arguments(&[Value::Unsigned(3)]);
        let numbers = wire.stream::<Encoded>(count.method.index, arguments).codec(codec).await.unwrap();
        let numbers: Vec<_> = numbers.map(|number| count.answer(&number.unwrap())).collect().await;
        assert_eq!(numbers, [0, 1, 2].map(|number| Ok(Value::Unsigned(number))));

        let sum = caller("sum");
        let numbers = |numbers: [u64; 2]| {
            stream::iter(numbers.map(|it| sum.item(&Value::Unsigned(it.into()))).to_vec())
        };
        let call = || wire.upload::<Encoded, Encoded>(sum.method.index, sum.arguments(&[])).codec(codec);
        let answer = call().items(numbers([1, 2])).await.unwrap();
        assert_eq!(sum.answer(&answer), Ok(Value::Unsigned(3)));
        let answer = call().items(numbers([1, u64::MAX])).await.unwrap();
        assert_eq!(sum.answer(&answer), Err(Value::Struct(vec![Some(Value::Unsigned(1))])));

        let echo = caller("echo");
        let call = wire.duplex::<Encoded, Encoded>(echo.method.index, echo.arguments(&[])).codec(codec);
        let (mut lines, mut echoes) = call.await.unwrap();
        lines.send(echo.item(&text("anybody?"))).await.unwrap();
        assert_eq!(echo.answer(&echoes.try_next().await.unwrap().unwrap()), Ok(text("anybody?")));

        let log = caller("log");
        wire.notify(log.method.index, log.arguments(&[text("good night")])).codec(codec).await.unwrap();
        assert_eq!(told.recv().await.unwrap(), "good night");
    }
}

/// What passes messages on, in whatever codec they are in.
#[tokio::test]
async fn a_procedure_may_take_and_answer_messages_of_any_codec() {
    let echo = Interface::new()
        .procedure(1, |arguments: Encoded| async move { Encoded(arguments.0) })
        .sequence(2, |arguments: Encoded| stream::iter([arguments.clone(), arguments]));
    let wire = ipfi::in_process(echo);
    for codec in CODECS {
        let answer: (String, u8) = wire.call(1, ("Ada", 7_u8)).codec(codec).await.unwrap();
        assert_eq!(answer, ("Ada".to_owned(), 7));
        let answers = wire.stream::<(u8,)>(2, (7_u8,)).codec(codec).await.unwrap();
        assert_eq!(answers.map(Result::unwrap).collect::<Vec<_>>().await, [(7,), (7,)]);
    }
    let answer = wire.call::<Encoded>(1, Encoded(Bytes::new())).await.unwrap();
    assert_eq!(answer.0, Bytes::new());
}
