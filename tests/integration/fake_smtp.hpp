// A real SMTP server on a port of its own, in threads of its own, that misbehaves as it is told:
// what it answers at each stage, where it falls silent, where it hangs up. Keeps what it was told.
// For tests.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace yagura::test {

struct FakeSmtpScript {
  // What is answered at: "greeting", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "rcpt
  // ADDRESS", "data", "body" (after its first line), "dot", "quit". Nothing stands here: the usual
  // answer. "silent": no answer, ever; "cut": the connection is closed instead; "slow ANSWER":
  // after `slowness`. An answer is whole lines without the last CRLF.
  std::map<std::string, std::string> answers;
  std::chrono::milliseconds slowness{300};
  std::vector<std::string> offers{"PIPELINING", "SIZE 10240000", "8BITMIME"};
  bool starttls = false;     // Offered and done.
  bool tls_at_once = false;  // smtps
  std::string certificate;   // PEM files, for either
  std::string key;
  std::string user, password;  // AUTH PLAIN and LOGIN are offered where there is a user
};

struct FakeSmtpMail {
  std::string from;
  std::vector<std::string> to;
  std::string bytes;  // Dots undone; ends before the final dot.
  bool encrypted = false;
  bool authenticated = false;
};

class FakeSmtp {
 public:
  explicit FakeSmtp(FakeSmtpScript script, int port = 0);
  ~FakeSmtp();
  FakeSmtp(const FakeSmtp&) = delete;
  FakeSmtp& operator=(const FakeSmtp&) = delete;

  int port() const;
  std::string url(const std::string& host = "127.0.0.1") const;
  // Each mail that was ended with its dot, whatever was answered then.
  std::vector<FakeSmtpMail> mails() const;
  // Each line that came outside of mails, in order, over all connections.
  std::vector<std::string> commands() const;
  int connections() const;
  void set_script(FakeSmtpScript script);  // For connections from now on.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Makes FOLDER/certificate.pem and FOLDER/key.pem: self-signed, for these names, good for a day.
void make_certificate(const std::string& folder,
                      const std::string& names = "DNS:localhost,IP:127.0.0.1");

}  // namespace yagura::test
