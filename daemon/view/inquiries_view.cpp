#include "view_parts.hpp"

namespace yagura {

using namespace view;

namespace {

bool is_overdue(const Look& look, const Inquiry& inquiry) {
  return inquiry.is_open() && inquiry.first_reply_due && *inquiry.first_reply_due <= look.now;
}

json::object inquiry_object(const Look& look, const Inquiry& inquiry) {
  json::object object;
  object["id"] = inquiry.id;
  object["state"] = name(inquiry.phase());
  object["aside"] = inquiry.aside == Aside::no ? json::value(nullptr) : json::value(name(inquiry.aside));
  object["bank"] = text_or_null(inquiry.bank);
  object["colleague"] = text_or_null(inquiry.colleague);
  object["from"] = inquiry.from;
  object["address"] = text_or_null(inquiry.address);
  object["subject"] = inquiry.subject;
  object["by_mail"] = inquiry.by_mail;
  object["by"] = text_or_null(inquiry.by);
  object["received_at"] = time_or_null(look, inquiry.received_at);
  object["waits_since"] = time_or_null(look, inquiry.waits_since);
  object["first_reply_due"] = time_or_null(look, inquiry.first_reply_due);
  object["overdue"] = is_overdue(look, inquiry);
  object["first_reply_at"] = time_or_null(look, inquiry.first_reply_at);
  const InquiryMessage* last = inquiry.last_answer();
  object["answered_by"] = last == nullptr ? json::value(nullptr) : json::value(last->who);
  json::array failures;
  for (FailureId id : inquiry.failures) failures.emplace_back(id);
  object["failures"] = std::move(failures);
  object["closed_at"] = time_or_null(look, inquiry.closed_at);
  object["closed_by"] = text_or_null(inquiry.closed_by);
  object["close_text"] = text_or_null(inquiry.close_text);
  return object;
}

}  // namespace

json::object view::count_of_inquiries(const Look& look) {
  int open = 0, waiting = 0, overdue = 0, aside = 0;
  for (const auto& [id, inquiry] : look.state.inquiries) {
    if (inquiry.aside != Aside::no && !inquiry.closed_at) ++aside;
    if (!inquiry.is_open()) continue;
    ++open;
    waiting += inquiry.waits_since ? 1 : 0;
    overdue += is_overdue(look, inquiry) ? 1 : 0;
  }
  return {{"open", open}, {"waiting", waiting}, {"overdue", overdue}, {"aside", aside}};
}

std::string inquiries_json(const Look& look, InquiryFilter filter) {
  json::array list;
  for (const auto& [id, inquiry] : look.state.inquiries) {
    bool wanted = true;
    switch (filter) {
      case InquiryFilter::open: wanted = inquiry.is_open(); break;
      case InquiryFilter::aside: wanted = inquiry.aside != Aside::no && !inquiry.closed_at; break;
      case InquiryFilter::all: break;
    }
    if (wanted) list.push_back(inquiry_object(look, inquiry));
  }
  return finished(list);
}

std::string inquiry_json(const Look& look, const Inquiry& inquiry) {
  json::object object = inquiry_object(look, inquiry);
  json::array messages;
  for (const InquiryMessage& message : inquiry.messages) {
    json::object line;
    line["at"] = time_or_null(look, message.at);
    line["ours"] = message.ours;
    line["automatic"] = message.automatic;
    line["who"] = message.who;
    line["text"] = message.text;
    line["message_id"] = text_or_null(message.message_id);
    line["failure"] = message.failure == 0 ? json::value(nullptr) : json::value(message.failure);
    auto notice = look.state.notices.find(message.notice);
    line["notice"] = message.notice == 0 ? json::value(nullptr) : json::value(message.notice);
    line["mail"] = notice == look.state.notices.end() ? json::value(nullptr) : json::value(name(notice->second.state));
    line["sent_at"] =
        notice == look.state.notices.end() ? json::value(nullptr) : time_or_null(look, notice->second.sent_at);
    json::array files;
    for (const KeptFile& file : message.files) files.push_back(json::object{{"name", file.name}, {"bytes", file.bytes}});
    line["files"] = std::move(files);
    json::array left_out;
    for (const std::string& name : message.left_out) left_out.emplace_back(name);
    line["left_out"] = std::move(left_out);
    line["undelivered"] = message.undelivered;
    messages.push_back(std::move(line));
  }
  object["messages"] = std::move(messages);
  return finished(object);
}

}  // namespace yagura
