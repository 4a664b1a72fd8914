@0xb7c1f3a9d2e84f06;
# The procedures of the peer capnp. What the compiler makes of it is kept beside it, for `build.rs`:
# capnp compile -o- schema/echo.capnp > schema/echo.request
# (on Debian: packages capnproto and libcapnp-dev)

interface Echo {
  echo @0 (text :Text) -> (text :Text);
  echoBytes @1 (message :Data) -> (message :Data);
  items @2 (count :UInt64, sink :Numbers);
  bulk @3 () -> (sink :Chunks);
}

interface Numbers {
  item @0 (value :UInt64) -> stream;
}

interface Chunks {
  chunk @0 (data :Data) -> stream;
  finish @1 () -> (bytes :UInt64);
}
