// What is said in the clear before TLS begins, of the protocols that begin it on their own port:
// SMTP (RFC 3207), IMAP (RFC 9051), POP3 (RFC 2595) and FTP (RFC 4217). Pure: it is fed the bytes
// that come, and says what to send. A dialogue is at most 16 KiB and 100 lines long.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace yagura {

struct StartTlsProtocol;
// Null: there is none of this name.
const StartTlsProtocol* starttls_protocol(std::string_view name);
std::vector<std::string> starttls_names();
std::uint16_t usual_port(const StartTlsProtocol& protocol);

class StartTls {
 public:
  // `own_name`: how this side calls itself, as SMTP wants it.
  StartTls(const StartTlsProtocol& protocol, std::string own_name);

  enum class State {
    waiting,  // for more, once what take() gives was sent
    ready,    // the next bytes are TLS's
    refused,  // refusal() says why
  };
  State feed(std::string_view bytes);
  State state() const { return state_; }
  std::string take();  // What is to be sent now; "" where nothing is.
  const std::string& refusal() const { return refusal_; }  // "offers no STARTTLS", "said '…'"
  std::string heard() const;  // The last line that came, safe to show; "" where none did.

 private:
  void on_line(std::string_view line);
  void refuse(std::string words);

  const StartTlsProtocol& protocol_;
  std::string own_name_;
  State state_ = State::waiting;
  std::size_t step_ = 0;  // Of the protocol: whose reply is waited for.
  bool offered_ = false;  // Within the reply under way.
  std::string unread_;    // The beginning of a line.
  std::string last_line_;
  std::string to_send_;
  std::size_t bytes_ = 0;
  std::size_t lines_ = 0;
  std::string refusal_;
};

}  // namespace yagura
