#include <fmt/format.h>

#include "draft.hpp"

namespace yagura {

void read_inquiries(Draft& draft) {
  const Node* section = draft.root.find("inquiries");
  if (section == nullptr) return;
  Inquiries& inquiries = draft.platform.inquiries;
  Reader reader(*section, draft.problems, "inquiries");
  inquiries.first_reply_within =
      duration_within(reader, "first_reply_within", inquiries.first_reply_within, 1min, 24h * 30);
  if (!reader.has("remind_before") && inquiries.first_reply_within <= inquiries.remind_before) {
    inquiries.remind_before = inquiries.first_reply_within / 2;  // The default has to fit, too.
  }
  inquiries.remind_before =
      duration_within(reader, "remind_before", inquiries.remind_before, 0s, 24h * 30);
  if (inquiries.remind_before >= inquiries.first_reply_within) {
    const Node* at = reader.find("remind_before");
    reader.problem(
        at == nullptr ? *section : *at,
        fmt::format(
            "`remind_before`, {}, is not shorter than `first_reply_within`, {}: the desk would be "
            "reminded before anybody asks; write a shorter one, or 0s for no reminder",
            format_duration(inquiries.remind_before),
            format_duration(inquiries.first_reply_within)));
  }
  reader.finish();
}

}  // namespace yagura
