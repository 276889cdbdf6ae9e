// The dialogue about one mail with one relay, after EHLO and AUTH: MAIL, RCPT for each recipient,
// DATA, the mail. Replies come in, bytes to send go out; it owns no connection and no clock. It
// keeps what became of each recipient:
//
//   mail -> recipients -> data -> body -> over
//
//   4yz or no answer before the final dot    deferred: surely not accepted
//   5yz                                      refused: to MAIL, DATA or the whole mail, each
//   recipient still open 530, 534, 535, 538, 503; 552 to RCPT     deferred all the same: they speak
//   of us, or mean "too many" (RFC 5321, 4.5.3.1.10) no answer after the final dot unknown
#pragma once

#include <string>
#include <vector>

#include "smtp_reply.hpp"
#include "transport.hpp"

namespace yagura {

// The bytes between 354 and the answer: every line break CRLF, dots doubled at the beginning of
// lines, the final dot.
std::string smtp_wire_form(const std::string& bytes);

class SmtpDialogue {
 public:
  struct Offers {
    bool pipelining = false;
    bool size = false;
  };
  SmtpDialogue(std::string from, const std::vector<std::string>& to, const std::string& bytes,
               Offers offers);

  // Both return what is to be sent next; nothing: wait, or over().
  std::string begin();
  std::string take(const SmtpReply& reply);
  // All that begin() and take() returned is on its way.
  void sent();
  // There will be no more replies; why, in words.
  void lost(const std::string& words);

  bool over() const { return stage_ == Stage::over; }
  // The final dot is on its way: from now on, no answer means that nothing is known.
  bool awaits_verdict() const { return stage_ == Stage::body && body_sent_; }
  // How it ended; all but the relay's name.
  Delivery delivery() const;

 private:
  enum class Stage { mail, recipients, data, body, over };
  enum class Fate { open, taken, accepted, refused, deferred, unknown };
  struct Recipient {
    std::string address;
    Fate fate = Fate::open;
    std::string reply;
  };

  std::string recipient_command(std::size_t index) const;
  std::string take_recipient(const SmtpReply& reply);
  void take_verdict(const SmtpReply& reply);
  // Ends it: whoever is open or taken has this fate.
  void end(Fate fate, const std::string& reply);

  std::string from_;
  std::vector<Recipient> recipients_;
  const std::string& bytes_;
  Offers offers_;
  Stage stage_ = Stage::mail;
  std::size_t answered_ = 0;  // Recipients whose reply came.
  bool body_sent_ = false;
  std::string reply_;
};

}  // namespace yagura
