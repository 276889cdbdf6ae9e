#include "incoming_mail.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "text.hpp"

using namespace yagura;

namespace {

IncomingMail read(const std::string& mail, std::string_view sender = "yamada@aozora.example", IncomingLimits limits = {}) {
  auto read = read_incoming(mail, sender, limits);
  REQUIRE(read.has_value());
  return *read;
}

// "ログインできない" in ISO-2022-JP, as a header and as a body.
const std::string jis = "\x1b$B%m%0%$%s$G$-$J$$\x1b(B";

std::string plain(const std::string& headers) {
  return "From: a@b.example\r\n" + headers + "\r\ntext\r\n";
}

}  // namespace

TEST_CASE("a plain mail: who, what, as an answer to what") {
  const IncomingMail mail = read(
      "From: =?UTF-8?B?5bGx55SwIOWkqumDjg==?= <yamada@aozora.example>\r\n"
      "Subject: Re: =?UTF-8?B?44Ot44Kw44Kk44Oz?= [=?UTF-8?B?5ZWP5ZCI44Gb55Wq5Y+3?= 3]\r\n"
      "Message-ID: <a1@aozora.example>\r\n"
      "References: <x@y> <notice-7.test@example.jp>\r\n"
      "In-Reply-To: <notice-9.test@example.jp>\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n\r\nできました。\r\nありがとう\r\n");
  CHECK(mail.from_name == "山田 太郎");
  CHECK(mail.from_address == "yamada@aozora.example");
  CHECK(mail.message_id == "<a1@aozora.example>");
  CHECK(mail.references == std::vector<std::string>{"<x@y>", "<notice-7.test@example.jp>", "<notice-9.test@example.jp>"});
  CHECK(mail.text == "できました。\nありがとう");
  CHECK(mail.automatic.empty());
  CHECK(mail.files.empty());
}

TEST_CASE("the number in the subject") {
  CHECK(read(plain("Subject: =?UTF-8?B?UmU6IOODreOCsOOCpOODsyBb5ZWP5ZCI44Gb55Wq5Y+3IDEyXQ==?=\r\n")).inquiry == 12);
  CHECK(read(plain("Subject: Re: x [Inquiry No. 3]\r\n")).inquiry == 3);
  CHECK(read(plain("Subject: Re: 12\r\n")).inquiry == 0);
}

TEST_CASE("ISO-2022-JP, as many mail programs in Japan still write") {
  const IncomingMail mail = read("From: a@b.example\r\nSubject: =?ISO-2022-JP?B?GyRCJW0lMCUkJXMkRyQtJEokJBsoQg==?=\r\n"
                                 "Content-Type: text/plain; charset=ISO-2022-JP\r\n\r\n" + jis + "\r\n");
  CHECK(mail.subject == "ログインできない");
  CHECK(mail.text == "ログインできない");
}

TEST_CASE("what a machine wrote is told from what a person wrote") {
  CHECK(read(plain("Auto-Submitted: auto-replied\r\n")).automatic == "Auto-Submitted: auto-replied");
  CHECK(read(plain("Auto-Submitted: no\r\n")).automatic.empty());
  CHECK(read(plain("Precedence: BULK\r\n")).automatic == "Precedence: bulk");
  CHECK(read(plain("List-Id: <news.example>\r\n")).automatic == "List-Id");
  CHECK(read(plain("X-Yagura-Notice: inquiry.reply\r\n")).automatic == "our own mail");
  CHECK(read(plain(""), "").automatic == "an empty return path");
  CHECK(read(plain(""), "unknown").automatic.empty());
}

TEST_CASE("parts: the first text is what is said, the others are files with names that lead nowhere") {
  const std::string mail =
      "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
      "--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
      "--y\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--y\r\nContent-Type: text/plain\r\n\r\nplain\r\n--y--\r\n"
      "--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
      "Content-Disposition: attachment; filename=\"../../etc/passwd\"\r\n\r\nAAEC\r\n"
      "--x\r\nContent-Type: text/x-sh\r\nContent-Disposition: attachment; filename=\"-rf\"\r\n\r\nexit\r\n--x--\r\n";
  const IncomingMail whole = read(mail);
  CHECK(whole.text == "plain");
  REQUIRE(whole.files.size() == 2);
  CHECK(whole.files[0].name.find('/') == std::string::npos);
  CHECK(whole.files[0].name.front() != '.');
  CHECK(whole.files[0].bytes == std::string("\x00\x01\x02", 3));
  CHECK(whole.files[1].name == "rf");
  const IncomingMail less = read(mail, "a@b.example", {.text = 3, .files = 20, .bytes_of_files = 2});
  CHECK(less.files.empty());
  CHECK(less.left_out.size() == 2);
  CHECK(less.text_cut);
}

TEST_CASE("of HTML alone the marks go, and what is hidden in it") {
  const IncomingMail mail = read("From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
                                 "<style>p {x}</style><p>出ない&amp;困る</p>次<br>行<script>alert(1)</script>");
  CHECK(mail.text.find("出ない&困る") != std::string::npos);
  CHECK(mail.text.find("alert") == std::string::npos);
  CHECK(mail.text.find("{x}") == std::string::npos);
}

TEST_CASE("nothing of a header gets through as more than one line, and a wrong id not at all") {
  const IncomingMail mail = read(plain("Subject: a\x1b[31m\r\nMessage-ID: <a b@c>\r\nIn-Reply-To: <x\x07@y>\r\n"));
  CHECK(mail.subject.find('\x1b') == std::string::npos);
  for (const std::string& id : mail.references) CHECK(id.find('\x07') == std::string::npos);
  CHECK(mail.message_id.find(' ') == std::string::npos);
  CHECK_FALSE(read_incoming("", "").has_value());
}

TEST_CASE("parts within parts have an end") {
  auto nested = [](int levels) {
    std::string mail = "From: a@b.example\r\n";
    for (int i = 0; i < levels; ++i) {
      mail += fmt::format("Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n", i);
    }
    return read(mail + "\r\ntext");
  };
  CHECK(nested(5).text == "text");
  CHECK(nested(30).text.empty());
  CHECK(nested(2000).files.empty());
}

TEST_CASE("the line that a mail server writes for a program is not part of the mail") {
  const IncomingMail mail = read("From a@b.example  Tue Dec  8 10:00:00 2026\r\n" + plain("Subject: x\r\n"));
  CHECK(mail.from_address == "a@b.example");
  CHECK(mail.subject == "x");
  CHECK_FALSE(read_incoming("From a@b.example\n", "").has_value());
}

TEST_CASE("of a mail that came back, which one it was; a delay is no end") {
  auto report = [](const std::string& action, const std::string& original) {
    return read("From: MAILER-DAEMON@relay.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
                "--b\r\n\r\nThis is the mail system\r\n"
                "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n"
                "Final-Recipient: rfc822; a@b.example\r\nAction: " + action + "\r\nStatus: 5.1.1\r\n\r\n"
                "--b\r\nContent-Type: " + original + "\r\n\r\nSubject: x\r\nMessage-ID: <notice-7.i@example.jp>\r\n\r\n--b--\r\n",
                "");
  };
  const std::vector<std::string> ours{"<notice-7.i@example.jp>"};
  CHECK(report("failed", "message/rfc822").undelivered == ours);
  CHECK(report("Failed", "text/rfc822-headers").undelivered == ours);
  CHECK(report("failed", "text/rfc822-headers").text == "This is the mail system");
  CHECK(report("delayed", "message/rfc822").undelivered.empty());
}
