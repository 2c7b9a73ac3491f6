//! Compiles the protobuf files without protoc; nothing generated is checked in.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", proto.display());
    let files = ["ticket", "contract", "policy", "ledger", "log", "receipt"]
        .map(|name| proto.join(format!("beleg/v1/{name}.proto")));
    let files = files.into_iter().chain([proto.join("beleg/bench/v1/bench.proto")]);
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler.include_source_info(false).include_imports(true);
    let descriptors = compiler.open_files(files)?.file_descriptor_set();
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out_dir.join("beleg.bin"), prost::Message::encode_to_vec(&descriptors))?;
    // Messages and clients, as any program would have them.
    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".beleg.v1.Event.payload")
        .bytes(".beleg.v1.Event.leaf_hash")
        .compile_fds(descriptors.clone())?;
    // The services on the same messages, but for the one that is encoded before it gets there.
    let services = out_dir.join("services");
    std::fs::create_dir_all(&services)?;
    tonic_prost_build::configure()
        .build_client(false)
        .out_dir(services)
        .extern_path(".beleg.v1", "crate::pb")
        .extern_path(".beleg.v1.ReadLogResponse", "crate::grpc::EncodedEvents")
        .extern_path(".beleg.bench.v1", "crate::pb::bench")
        .compile_fds(descriptors)?;
    Ok(())
}
