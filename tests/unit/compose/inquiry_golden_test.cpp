// Every kind of mail on inquiries, word for word: tests/data/mail/inquiry.*.txt.
#include "inquiry_view.hpp"
#include "sample.hpp"

using namespace sample;

namespace {

Inquiry asked() {
  Inquiry inquiry;
  inquiry.id = 3;
  inquiry.bank = "aozora";
  inquiry.from = "山田 太郎";
  inquiry.address = "yamada@aozora.example";
  inquiry.subject = "RE: 会員企業サイトにログインできない";
  inquiry.received_at = at("12-21 10:10");
  InquiryMessage question;
  question.at = inquiry.received_at;
  question.who = "山田 太郎";
  question.text = "お世話になっております。\n今朝から会員企業サイトにログインできません。";
  question.message_id = "<a1@aozora.example>";
  inquiry.messages.push_back(question);
  inquiry.waits_since = inquiry.received_at;
  inquiry.first_reply_due = at("12-21 12:10");
  return inquiry;
}

Inquiry by_telephone() {
  Inquiry inquiry = asked();
  inquiry.bank.clear();
  inquiry.from = "窓口の山本さま";
  inquiry.address.clear();
  inquiry.by = "kudo";
  inquiry.messages[0].message_id.clear();
  return inquiry;
}

Inquiry answered(const std::string& text, FailureId failure = 0) {
  Inquiry inquiry = asked();
  InquiryMessage answer;
  answer.at = at("12-21 11:00");
  answer.ours = true;
  answer.who = "kudo";
  answer.text = text;
  answer.notice = 7;
  answer.failure = failure;
  inquiry.messages.push_back(answer);
  inquiry.waits_since.reset();
  return inquiry;
}

Composed mail(NoticeKind kind, Inquiry inquiry, const std::string& audience,
             const std::string& topic, const std::string& now) {
  Platform where = platform();
  State state = state_with({major()});
  const InquiryId id = inquiry.id;
  Notice one = notice(where, kind, is_answer(kind) ? "inquiry-desk" : audience,
                      {.failure = 0, .topic = topic});
  one.inquiry = id;
  if (is_answer(kind)) {
    one.audience = audience;
    one.to = {{"山田 太郎", "yamada@aozora.example"}};
    one.details["message"] = std::to_string(inquiry.messages.size());
  }
  state.inquiries[id] = std::move(inquiry);
  return compose(where, state, one, now);
}

}  // namespace

TEST_CASE("mail to the desk: an inquiry was received") {
  check_golden("inquiry.received",
               mail(NoticeKind::inquiry_received, asked(), "inquiry-desk", "new", "12-21 10:10"));
  check_golden("inquiry.received.telephone", mail(NoticeKind::inquiry_received, by_telephone(),
                                                  "inquiry-desk", "new", "12-21 10:10"));
  check_golden("inquiry.received.further", mail(NoticeKind::inquiry_received, asked(),
                                                "inquiry-desk", "further", "12-21 10:10"));
}

TEST_CASE("mail to the desk: an answer is due, is overdue, could not be delivered") {
  Inquiry about = asked();
  about.failures.insert(12);
  check_golden("inquiry.reminder.due",
               mail(NoticeKind::inquiry_reminder, about, "inquiry-desk", "due", "12-21 11:40"));
  check_golden("inquiry.reminder.overdue", mail(NoticeKind::inquiry_reminder, asked(),
                                                "system-lead", "overdue", "12-21 12:10"));
  check_golden("inquiry.reminder.undelivered", mail(NoticeKind::inquiry_reminder, asked(),
                                                    "inquiry-desk", "undelivered", "12-21 12:10"));
}

TEST_CASE("mail to an administrator: the answer, in the thread of the question") {
  const Composed answer = mail(
      NoticeKind::inquiry_reply,
      answered(
          "パスワードの初期化をお試しください。\n手順は管理者マニュアルの 3.2 をご覧ください。"),
      "inquiry:3", "", "12-21 11:00");
  CHECK(answer.in_reply_to == "<a1@aozora.example>");
  check_golden("inquiry.reply", answer);
}

TEST_CASE("mail to a colleague: the answer without the words for a bank") {
  Inquiry inquiry = answered("共有フォルダーの手順書にあります。");
  inquiry.bank.clear();
  inquiry.colleague = "suzuki";
  check_golden("inquiry.reply.colleague",
               mail(NoticeKind::inquiry_reply, inquiry, "inquiry:3", "", "12-21 11:00"));
}

TEST_CASE("mail to an administrator: how a failure stands that the inquiry is about") {
  check_golden("inquiry.update",
               mail(NoticeKind::inquiry_update, answered("復旧作業を進めております。", 12),
                    "inquiry:3", "", "12-21 11:00"));
}

TEST_CASE("the subject of an answer has the number once, and no heap of marks") {
  CHECK(plain_subject("RE: Re: ログイン [問合せ番号 3]") == "ログイン");
  CHECK(plain_subject("返信:  FW:帳票") == "帳票");
  CHECK(plain_subject("Re: Login [Inquiry No. 3]") == "Login");
  CHECK(plain_subject("Re: [問合せ番号 3] 帳票 [問合せ番号 3]") == "帳票");
  CHECK(plain_subject("Re:") == "");
  CHECK(plain_subject("[問合せ番号 3 のまま閉じない") == "[問合せ番号 3 のまま閉じない");
  Inquiry inquiry = answered("はい");
  inquiry.subject = std::string(400, 'x');
  const Composed answer = mail(NoticeKind::inquiry_reply, inquiry, "inquiry:3", "", "12-21 11:00");
  CHECK(answer.subject.ends_with("[問合せ番号 3]"));
}
