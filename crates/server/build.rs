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
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("beleg.bin");
    std::fs::write(&out, prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().bytes(".beleg.v1.Event.payload").compile_fds(descriptors)?;
    Ok(())
}
