// Replies of a relay, in pieces as they come, and the dialogue that follows from them.
#include <algorithm>

#include "fuzz.hpp"
#include "smtp_dialogue.hpp"

namespace yagura::fuzz {
namespace {

std::vector<std::string> replies_of(std::string_view bytes, std::size_t piece) {
  SmtpReplyReader reader;
  std::vector<std::string> texts;
  bool good = true;
  while (good && !bytes.empty()) {
    good = reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (auto reply = reader.take()) {
      require(reply->code >= 200 && reply->code <= 599, "a reply has a code");
      require_safe(reply->text(), 300);
      texts.push_back(reply->text());
    }
  }
  return texts;
}

void run(std::string_view bytes) {
  const std::size_t choice = take_choice(bytes, 256);
  const std::size_t piece = 1 + choice / 4;
  require(replies_of(bytes, piece) == replies_of(bytes, bytes.size()),
          "replies are the same in whatever pieces they come");

  const std::vector<std::string> to{"a@example.jp", "b@example.jp", "c@example.jp"};
  const std::string mail = "Subject: x\n\n.\n" + std::string(bytes.substr(0, 64));
  SmtpDialogue dialogue("kanshi@example.jp", to, mail, {(choice & 1) != 0, (choice & 2) != 0});
  dialogue.begin();
  dialogue.sent();
  SmtpReplyReader reader;
  bool body_went = false;
  if (reader.feed(bytes)) {
    while (auto reply = reader.take()) {
      if (dialogue.over()) break;
      const std::string next = dialogue.take(*reply);
      body_went = body_went || next.ends_with("\r\n.\r\n");
      if (!next.empty()) dialogue.sent();
    }
  }
  dialogue.lost("the connection broke");
  const Delivery delivery = dialogue.delivery();
  require(dialogue.over(), "a dialogue that lost its connection is over");
  require_safe(delivery.reply, 500);
  const std::size_t known =
      delivery.accepted.size() + delivery.refused.size() + delivery.deferred.size();
  require(delivery.unknown || known == to.size(), "what became of each recipient is known");
  require(body_went || (!delivery.unknown && delivery.accepted.empty()),
          "nobody has a mail that was not sent");
  const std::string wire = smtp_wire_form(mail);
  require(wire.find("\r\n.\r\n") == wire.size() - 5, "only the end of a mail ends it");
}
const Target target("smtp", run);

}  // namespace
}  // namespace yagura::fuzz
