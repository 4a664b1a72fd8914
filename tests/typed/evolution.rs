//! An old client with a new server, and the reverse, for each change of clause 15.4: what is called compatible works, and
//! what is not is told by name before it is misread.

use ipfi::{CheckError, CodecId, Interface, Schema, Status};
use serde::{Deserialize, Serialize};

const CODECS: [CodecId; 4] = [CodecId::Bincode, CodecId::Postcard, CodecId::MessagePack, CodecId::Json];

/// A version of the interface: what is stored, its errors, and what makes one.
macro_rules! version {
    ($name:ident { $($item:item)* } $make:expr) => {
        mod $name {
            use super::*;

            $($item)*

            #[ipfi::interface]
            pub(super) trait Store {
                /// Gives back what it was given.
                async fn put(&self, record: Record) -> Record;
            }

            pub(super) struct Echo;

            impl Store for Echo {
                async fn put(&self, record: Record) -> Record {
                    record
                }
            }

            pub(super) fn serve() -> Interface {
                Interface::new().serve(StoreServer(Echo))
            }

            /// Checks, then calls: what is told by the check, or what came of the call.
            pub(super) async fn call(server: Interface, codec: CodecId) -> Result<(), CheckError> {
                let wire = ipfi::in_process(server).with_codec(codec);
                let store = StoreClient::checked(&wire).await?;
                store.put($make).await.map_err(CheckError::Call).map(drop)
            }
        }
    };
}

version! { first {
    #[derive(Serialize, Deserialize, Schema)]
    pub(super) struct Record { pub(super) name: String, pub(super) size: u32 }
} Record { name: "x".into(), size: 7 } }

version! { with_default {
    #[derive(Serialize, Deserialize, Schema)]
    pub(super) struct Record {
        pub(super) name: String,
        pub(super) size: u32,
        #[serde(default)]
        pub(super) tags: Vec<String>,
        pub(super) note: Option<String>,
    }
} Record { name: "x".into(), size: 7, tags: vec!["y".into()], note: None } }

version! { without_default {
    #[derive(Serialize, Deserialize, Schema)]
    pub(super) struct Record { pub(super) name: String, pub(super) size: u32, pub(super) owner: u64 }
} Record { name: "x".into(), size: 7, owner: 1 } }

version! { reordered {
    #[derive(Serialize, Deserialize, Schema)]
    pub(super) struct Record { pub(super) size: u32, pub(super) name: String }
} Record { name: "x".into(), size: 7 } }

version! { retyped {
    #[derive(Serialize, Deserialize, Schema)]
    pub(super) struct Record { pub(super) name: String, pub(super) size: i32 }
} Record { name: "x".into(), size: 7 } }

version! { another_type {
    #[derive(Serialize, Deserialize, Schema)]
    pub(super) struct Record { pub(super) name: u64, pub(super) size: u32 }
} Record { name: 1, size: 7 } }

/// The text of what is wrong, or none.
fn told(result: Result<(), CheckError>) -> Option<String> {
    match result {
        Ok(()) => None,
        Err(CheckError::Incompatible(found)) => Some(found[0].to_string()),
        Err(other) => panic!("told too late, or not at all: {other}"),
    }
}

#[tokio::test]
async fn the_same_version_works() {
    for codec in CODECS {
        assert_eq!(told(first::call(first::serve(), codec).await), None);
    }
}

#[tokio::test]
async fn a_field_with_a_default_works_in_both_directions_where_fields_have_names() {
    assert_eq!(told(first::call(with_default::serve(), CodecId::MessagePack).await), None);
    assert_eq!(told(with_default::call(first::serve(), CodecId::MessagePack).await), None);
    assert_eq!(
        told(first::call(with_default::serve(), CodecId::Bincode).await).unwrap(),
        "Store.put, argument record.tags: the caller has no field in place 2, the callee tags: Vec<String> in place 2"
    );
    assert_eq!(
        told(with_default::call(first::serve(), CodecId::Bincode).await).unwrap(),
        "Store.put, argument record.tags: the caller has tags: Vec<String> in place 2, the callee no field in place 2"
    );
}

#[tokio::test]
async fn a_field_without_a_default_is_told() {
    assert_eq!(
        told(first::call(without_default::serve(), CodecId::MessagePack).await).unwrap(),
        "Store.put, argument record.owner: the caller has no such field, the callee u64 without a default"
    );
    assert_eq!(
        told(without_default::call(first::serve(), CodecId::MessagePack).await).unwrap(),
        "Store.put, the answer.owner: the caller has u64 without a default, the callee no such field"
    );
    assert!(told(first::call(without_default::serve(), CodecId::Bincode).await).is_some());
    assert!(told(without_default::call(first::serve(), CodecId::Bincode).await).is_some());
}

#[tokio::test]
async fn fields_in_another_order_work_where_they_have_names() {
    for (client, server) in [
        (first::call(reordered::serve(), CodecId::MessagePack).await, CodecId::MessagePack),
        (reordered::call(first::serve(), CodecId::MessagePack).await, CodecId::MessagePack),
    ] {
        assert_eq!(told(client), None, "{server:?}");
    }
    assert_eq!(
        told(first::call(reordered::serve(), CodecId::Bincode).await).unwrap(),
        "Store.put, argument record.name: the caller has name: String in place 0, the callee size: u32 in place 0"
    );
    assert!(told(reordered::call(first::serve(), CodecId::Bincode).await).is_some());
}

#[tokio::test]
async fn another_type_is_told_with_both_types() {
    for codec in CODECS {
        assert_eq!(
            told(first::call(another_type::serve(), codec).await).unwrap(),
            "Store.put, argument record.name: the caller has String, the callee u64"
        );
        assert_eq!(
            told(another_type::call(first::serve(), codec).await).unwrap(),
            "Store.put, argument record.name: the caller has u64, the callee String"
        );
        // 7 as an `i32` would be 14 to a `u32`, in bincode, without an error.
        assert_eq!(
            told(retyped::call(first::serve(), codec).await).unwrap(),
            "Store.put, argument record.size: the caller has i32, the callee u32"
        );
        assert!(told(first::call(retyped::serve(), codec).await).is_some());
    }
}

mod methods {
    use super::*;

    #[ipfi::interface(rename = "Store")]
    pub(super) trait Old {
        async fn get(&self, id: u64) -> Result<String, Missing>;
        async fn size(&self) -> u64;
    }

    #[ipfi::interface(rename = "Store")]
    pub(super) trait New {
        async fn added(&self) -> bool;
        async fn size(&self) -> u64;
        #[ipfi(rename = "get")]
        async fn fetch(&self, the_id: u64) -> Result<String, MoreMissing>;
    }

    #[ipfi::interface(rename = "Store")]
    pub(super) trait Other {
        async fn size(&self, of: u64) -> u64;
        async fn get(&self, id: u64) -> Result<String, Status>;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(super) enum Missing {
        Never,
    }

    /// Knows one more, behind the others.
    #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(super) enum MoreMissing {
        Never,
        Deleted,
    }

    pub(super) struct It;

    impl Old for It {
        async fn get(&self, id: u64) -> Result<String, Missing> {
            if id == 0 { Err(Missing::Never) } else { Ok(id.to_string()) }
        }

        async fn size(&self) -> u64 {
            7
        }
    }

    impl New for It {
        async fn added(&self) -> bool {
            true
        }

        async fn size(&self) -> u64 {
            7
        }

        async fn fetch(&self, id: u64) -> Result<String, MoreMissing> {
            if id == 0 { Err(MoreMissing::Deleted) } else { Ok(id.to_string()) }
        }
    }
}

#[tokio::test]
async fn methods_may_be_added_moved_and_renamed_with_their_name_kept() {
    use methods::{It, NewClient, NewServer, OldClient, OldServer};
    for codec in CODECS {
        // An enum may gain a variant where it is read: the new client first.
        let old = ipfi::in_process(Interface::new().serve(OldServer(It))).with_codec(codec);
        let error = NewClient::checked(&old).await.unwrap_err().to_string();
        assert!(
            error.starts_with("the peer serves another version: Store.added: the caller has index"),
            "{error}"
        );
        let client = NewClient::new(&old);
        assert_eq!((client.size().await.unwrap(), client.fetch(5).await.unwrap()), (7, "5".to_owned()));
        let new = ipfi::in_process(Interface::new().serve(NewServer(It))).with_codec(codec);
        let error = OldClient::checked(&new).await.unwrap_err().to_string();
        assert_eq!(
            error,
            "the peer serves another version: Store.get, the error::Deleted: the caller has no such variant of Missing, \
             the callee variant 1"
        );
        // What it does know it understands.
        let client = OldClient::new(&new);
        assert_eq!((client.size().await.unwrap(), client.get(5).await.unwrap()), (7, "5".to_owned()));
    }
}

#[tokio::test]
async fn another_number_of_arguments_and_an_error_of_another_sort_are_told() {
    use methods::{It, OldServer, OtherClient};
    let wire = ipfi::in_process(Interface::new().serve(OldServer(It)));
    let CheckError::Incompatible(found) = OtherClient::checked(&wire).await.unwrap_err() else { panic!() };
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "Store.size: the caller has 1 arguments, the callee 0",
            "Store.get, the error: the caller has none, the callee Missing",
        ]
    );
}
