// Notices.
#include "edition.hpp"
#include "view_parts.hpp"

namespace yagura {

using namespace view;

namespace {

json::array recipients_of(const std::vector<Recipient>& to) {
  json::array list;
  for (const Recipient& one : to) list.emplace_back(one.mail);
  return list;
}

json::object notice_object(const Look& look, const Notice& notice, const SubjectOf& subject_of) {
  json::object object;
  object["id"] = notice.id;
  object["kind"] = name_of(notice.kind);
  object["audience"] = notice.audience;
  object["failure"] = notice.failure == 0 ? json::value(nullptr) : json::value(notice.failure);
  object["stop"] = notice.stop == 0 ? json::value(nullptr) : json::value(notice.stop);
  object["to"] = recipients_of(notice.to);
  object["refused"] = array_of(notice.refused);
  object["state"] = name(notice.state);
  object["reason"] = notice.reason;
  object["hold"] = text_or_null(notice.hold);
  object["not_before"] = time_or_null(look, notice.not_before);
  object["created_at"] = time_or_null(look, notice.created_at);
  object["sent_at"] = time_or_null(look, notice.sent_at);
  object["retry_at"] = time_or_null(look, notice.retry_at);
  object["attempts"] = notice.attempts;
  object["last_error"] = text_or_null(notice.last_error);
  object["subject"] = notice.subject.empty() ? subject_of(notice) : notice.subject;
  object["message_id"] = notice.message_id;
  object["into"] = notice.into == 0 ? json::value(nullptr) : json::value(notice.into);
  return object;
}

}  // namespace

std::string notices_json(const Look& look, NoticeFilter filter, const SubjectOf& subject_of) {
  json::array list;
  for (const auto& [id, notice] : look.state.notices) {
    bool wanted = true;
    switch (filter) {
      case NoticeFilter::unsent: wanted = notice.is_unsent(); break;
      case NoticeFilter::held: wanted = notice.state == NoticeState::held; break;
      case NoticeFilter::failed:
        wanted = notice.state == NoticeState::undeliverable || !notice.refused.empty() ||
                 (notice.is_unsent() && !notice.last_error.empty());
        break;
      case NoticeFilter::all: break;
    }
    if (wanted) list.push_back(notice_object(look, notice, subject_of));
  }
  return finished(list);
}

std::string notice_json(const Look& look, const Notice& notice, const SubjectOf& subject_of,
                        const std::string& body) {
  json::object object = notice_object(look, notice, subject_of);
  json::array carries;
  for (NoticeId id : notice.carries) carries.emplace_back(id);
  object["carries"] = std::move(carries);
  object["body"] = body;
  if (notice.is_unsent() && is_bank(notice.kind)) object["edition"] = edition_of(look.state, notice);
  object["edited_by"] = notice.edited ? json::value(notice.edited->by) : json::value(nullptr);
  return finished(object);
}

}  // namespace yagura
