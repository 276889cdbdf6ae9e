#include "inquiry_view.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_quoted = 2000;

// How mail programs mark an answer; the last is the mark with the number, cut off at the end.
constexpr std::array<std::string_view, 6> answer_marks{
    "re:", "re：", "fw:", "fwd:", "返信:", "返信："};
constexpr std::array<std::string_view, 2> number_marks{"[問合せ番号", "[Inquiry No."};

bool begins_with(std::string_view text, std::string_view mark) {
  if (text.size() < mark.size()) return false;
  return std::equal(mark.begin(), mark.end(), text.begin(), [](char m, char t) {
    return m == (t >= 'A' && t <= 'Z' ? static_cast<char>(t - 'A' + 'a') : t);
  });
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

std::size_t place_of(const Inquiry& inquiry, const Notice& notice) {
  std::size_t number = 0;
  auto found = notice.details.find("message");
  if (found != notice.details.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  }
  return std::min(number, inquiry.messages.size());
}

const Inquiry& inquiry_of(const State& state, const Notice& notice) {
  static const Inquiry gone;
  auto found = state.inquiries.find(notice.inquiry);
  return found == state.inquiries.end() ? gone : found->second;
}

// What was asked last before that answer.
const InquiryMessage* question_before(const Inquiry& inquiry, std::size_t place) {
  for (std::size_t i = std::min(place, inquiry.messages.size()); i > 0; --i) {
    const InquiryMessage& message = inquiry.messages[i - 1];
    if (!message.ours && !message.automatic) return &message;
  }
  return nullptr;
}

std::string quoted(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    out.append(out.empty() ? "" : "\n").append("> ").append(text.substr(0, newline));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  }
  return out;
}

}  // namespace

const InquiryMessage* message_of(const Inquiry& inquiry, const Notice& notice) {
  const std::size_t place = place_of(inquiry, notice);
  return place == 0 ? nullptr : &inquiry.messages[place - 1];
}

std::string plain_subject(std::string_view subject) {
  for (std::string_view number_mark : number_marks) {
    const auto mark = subject.find(number_mark);
    if (mark == std::string_view::npos) continue;
    const auto end = subject.find(']', mark);
    if (end != std::string_view::npos) {
      std::string without(subject.substr(0, mark));
      without += subject.substr(end + 1);
      return plain_subject(without);
    }
  }
  subject = trimmed(subject);
  for (bool found = true; found;) {
    found = false;
    for (std::string_view mark : answer_marks) {
      if (!begins_with(subject, mark)) continue;
      subject = trimmed(subject.substr(mark.size()));
      found = true;
    }
  }
  return one_line(subject, 400);
}

const Vocabulary& answer_vocabulary() {
  static const Vocabulary vocabulary{{"INQUIRY", "SUBJECT", "NAME", "TEXT", "NOW"},
                                     {
                                         {"BANK", {{"BANK_NAME"}, {}}},
                                         {"QUESTION", {{"ASKED_AT", "ASKED"}, {}}},
                                         {"FAILURE", {{"FAILURE_ID"}, {}}},
                                         {"SIGNATURE", {{"SIGNATURE_TEXT"}, {}}},
                                     }};
  return vocabulary;
}

View answer_view(const Platform& platform, const State& state, const Notice& notice,
                 const Words& words, Instant now) {
  const Inquiry& inquiry = inquiry_of(state, notice);
  View view{words["unknown"]};
  view.set("INQUIRY", std::to_string(notice.inquiry));
  const std::string subject = plain_subject(inquiry.subject);
  view.set("SUBJECT", subject.empty() ? words["no-title"] : subject);
  view.set("NAME",
           one_line(notice.to.empty() || notice.to.front().name.empty() ? inquiry.from
                                                                        : notice.to.front().name,
                    200));
  view.set("NOW", words.phrases().time(now, platform.zone));
  const InquiryMessage* answer = message_of(inquiry, notice);
  if (answer != nullptr) view.set("TEXT", many_lines(answer->text));
  if (answer == nullptr) view.set("TEXT", "");
  if (auto bank = platform.banks.find(inquiry.bank); bank != platform.banks.end()) {
    View inside{words["unknown"]};
    inside.set("BANK_NAME", one_line(bank->second.name, 200));
    view.add("BANK", std::move(inside));
  }
  if (const InquiryMessage* question = question_before(inquiry, place_of(inquiry, notice))) {
    View inside{words["unknown"]};
    inside.set("ASKED_AT", words.phrases().time(question->at, platform.zone));
    inside.set("ASKED", quoted(many_lines(question->text, most_quoted)));
    view.add("QUESTION", std::move(inside));
  }
  if (answer != nullptr && answer->failure != 0) {
    View inside{words["unknown"]};
    inside.set("FAILURE_ID", std::to_string(answer->failure));
    view.add("FAILURE", std::move(inside));
  }
  return view;
}

std::vector<std::string> references_of_inquiry(const State& state, const Notice& notice) {
  const Inquiry& inquiry = inquiry_of(state, notice);
  std::vector<std::string> ids;
  const auto add = [&ids](const std::string& id) {
    if (!id.empty() && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  const std::size_t place = place_of(inquiry, notice);
  for (std::size_t i = 0; i + 1 < place; ++i) {
    const InquiryMessage& message = inquiry.messages[i];
    if (message.automatic) continue;
    if (!message.ours) {
      add(message.message_id);
      continue;
    }
    auto sent = state.notices.find(message.notice);
    if (sent != state.notices.end() && sent->second.sent_at) add(sent->second.message_id);
  }
  return ids;
}

}  // namespace yagura
