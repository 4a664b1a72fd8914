//! The code of the peers that generate theirs.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "tonic")]
    tonic();
    #[cfg(feature = "capnp")]
    capnp();
}

/// The service in Rust, so that nobody needs `protoc`; its messages are derived by prost.
#[cfg(feature = "tonic")]
fn tonic() {
    use tonic_build::manual::{Builder, Method, Service};
    let method = |name: &str, route: &str, input: &str, output: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::peers::tonic::{input}"))
            .output_type(format!("crate::peers::tonic::{output}"))
            .codec_path("tonic_prost::ProstCodec")
    };
    let service = Service::builder()
        .name("Echo")
        .package("bench")
        .method(method("echo", "Echo", "Text", "Text").build())
        .method(method("echo_bytes", "EchoBytes", "Data", "Data").build())
        .method(method("items", "Items", "Number", "Number").server_streaming().build())
        .method(method("bulk", "Bulk", "Data", "Number").client_streaming().build())
        .method(method("download", "Download", "Number", "Data").server_streaming().build())
        .method(method("idle", "Idle", "Number", "Number").server_streaming().build())
        .build();
    Builder::new().compile(&[service]);
}

/// From what the `capnp` compiler made of the schema, so that nobody needs the compiler:
/// `capnp compile -o- schema/echo.capnp > schema/echo.request`.
#[cfg(feature = "capnp")]
fn capnp() {
    println!("cargo:rerun-if-changed=schema/echo.request");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it");
    let request = std::fs::File::open("schema/echo.request").expect("schema/echo.request is there");
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(out)
        .default_parent_module(["peers", "capnp", "generated"].map(str::to_owned).to_vec())
        .run(request)
        .expect("schema/echo.request is what the compiler made");
}
