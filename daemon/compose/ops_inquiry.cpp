#include "ops_view.hpp"
#include "text.hpp"

namespace yagura::ops {
namespace {

constexpr std::size_t most_shown = 4000;  // of a text; the rest stands in `yagura inquiry show`

const InquiryMessage* last_question(const Inquiry& inquiry) {
  for (auto message = inquiry.messages.rbegin(); message != inquiry.messages.rend(); ++message) {
    if (!message->ours && !message->automatic) return &*message;
  }
  return nullptr;
}

}  // namespace

const Vocabulary& inquiry_vocabulary() {
  static const Vocabulary vocabulary{
      {"INQUIRY_ID", "INQUIRY_FROM", "INQUIRY_SUBJECT", "INQUIRY_AT", "INQUIRY_TEXT"},
      {
          {"INQUIRY_BANK", {{"INQUIRY_BANK_NAME"}, {}}},
          {"INQUIRY_ENTERED", {{"INQUIRY_BY"}, {}}},
          {"INQUIRY_DUE", {{"INQUIRY_DUE_AT"}, {}}},
          {"INQUIRY_FILE", {{"INQUIRY_FILE_NAME"}, {}}},
          {"INQUIRY_FAILURE", {{"INQUIRY_FAILURE_ID", "INQUIRY_FAILURE_TITLE"}, {}}},
          {"INQUIRY_UNADDRESSED", {}},
          {"INQUIRY_FURTHER", {}},
          {"INQUIRY_SOON", {}},
          {"INQUIRY_OVERDUE", {}},
          {"INQUIRY_UNDELIVERED", {}},
      }};
  return vocabulary;
}

View inquiry_view(const Source& source, const Inquiry& inquiry) {
  View view = source.view();
  const auto add = [&](std::string_view section,
                       std::initializer_list<std::pair<std::string_view, std::string>> values) {
    View inside = source.view();
    for (const auto& [name, value] : values)
      inside.set(name, value);
    view.add(section, std::move(inside));
  };
  view.set("INQUIRY_ID", std::to_string(inquiry.id));
  view.set("INQUIRY_FROM", one_line(inquiry.from, 100));
  view.set("INQUIRY_SUBJECT",
           inquiry.subject.empty() ? source.words["no-title"] : one_line(inquiry.subject, 200));
  const InquiryMessage* question = last_question(inquiry);
  view.set("INQUIRY_AT", source.time(question == nullptr ? inquiry.received_at : question->at));
  view.set("INQUIRY_TEXT",
           question == nullptr ? std::string() : many_lines(question->text, most_shown));
  if (!inquiry.bank.empty())
    add("INQUIRY_BANK", {{"INQUIRY_BANK_NAME", source.bank(inquiry.bank)}});
  if (!inquiry.by.empty()) add("INQUIRY_ENTERED", {{"INQUIRY_BY", source.person(inquiry.by)}});
  if (inquiry.first_reply_due)
    add("INQUIRY_DUE", {{"INQUIRY_DUE_AT", source.time(*inquiry.first_reply_due)}});
  if (question != nullptr) {
    for (const KeptFile& file : question->files)
      add("INQUIRY_FILE", {{"INQUIRY_FILE_NAME", one_line(file.name, 200)}});
  }
  for (FailureId id : inquiry.failures) {
    auto failure = source.state.failures.find(id);
    if (failure == source.state.failures.end()) continue;
    add("INQUIRY_FAILURE", {{"INQUIRY_FAILURE_ID", std::to_string(id)},
                            {"INQUIRY_FAILURE_TITLE", one_line(failure->second.title, 100)}});
  }
  view.show_if(inquiry.address.empty(), "INQUIRY_UNADDRESSED");
  const std::string& topic = source.notice.topic;
  view.show_if(topic == "further", "INQUIRY_FURTHER");
  view.show_if(topic == "due", "INQUIRY_SOON");
  view.show_if(topic == "overdue", "INQUIRY_OVERDUE");
  view.show_if(topic == "undelivered", "INQUIRY_UNDELIVERED");
  return view;
}

}  // namespace yagura::ops
