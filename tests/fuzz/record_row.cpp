// States read back from the record, which another version, a disk or a hand may have changed.
#include "codec.hpp"
#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

template <class Decode>
void check(Decode decode, std::string_view bytes) {
  auto value = decode(bytes);
  if (!value) return require_safe(value.error().message, 1000);
  const std::string written = encode(*value);
  auto again = decode(written);
  require(again.has_value(), "what was written can be read");
  require(encode(*again) == written, "what was read is written the same way");
}

void run(std::string_view bytes) {
  switch (take_choice(bytes, 6)) {
    case 0: return check(decode_failure, bytes);
    case 1: return check(decode_notice, bytes);
    case 2: return check(decode_component, bytes);
    case 3: return check(decode_core, bytes);
    case 4: return check(decode_job, bytes);
    default: return check(decode_member, bytes);
  }
}
const Target target("record_row", run);

}  // namespace
}  // namespace yagura::fuzz
