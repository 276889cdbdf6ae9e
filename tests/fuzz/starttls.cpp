// What a server says in the clear before TLS, in pieces as they come: what is agreed to does
// not hang on the pieces, it has an end, and what is shown of it is safe.
#include "liveness/starttls.hpp"

#include <algorithm>

#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

struct Outcome {
  StartTls::State state;
  std::string refusal, heard, said;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const std::string& protocol, std::string_view bytes, std::size_t piece) {
  StartTls dialogue(*starttls_protocol(protocol), "[127.0.0.1]");
  std::string said;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const auto state = dialogue.feed(bytes.substr(0, piece));
    said += dialogue.take();
    if (state == StartTls::State::refused) break;
  }
  return {dialogue.state(), dialogue.refusal(), dialogue.heard(), said};
}

void run(std::string_view bytes) {
  const auto protocols = starttls_names();
  const std::string protocol = protocols[take_choice(bytes, protocols.size())];
  const std::size_t piece = 1 + take_choice(bytes, 64);
  const Outcome in_pieces = outcome_of(protocol, bytes, piece);
  const Outcome by_bytes = outcome_of(protocol, bytes, 1);
  require_safe(in_pieces.refusal, 300);
  require_safe(in_pieces.heard, 120);
  require(in_pieces.said.size() <= 100, "little is said, and once");
  const bool refused = in_pieces.state == StartTls::State::refused;
  require(refused == !in_pieces.refusal.empty(), "a refusal has its reason");
  // Larger pieces also show who answers before being asked.
  require(refused || in_pieces == by_bytes, "what is agreed to does not hang on the pieces");
  require(refused || bytes.size() <= 16 * 1024, "a dialogue has an end");
}
const Target target("starttls", run);

}  // namespace
}  // namespace yagura::fuzz
