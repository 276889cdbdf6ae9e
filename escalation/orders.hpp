// What the orders have in common: who gives them, and what is answered. Only for orders.cpp,
// notice_orders.cpp, stop_orders.cpp and inquiry_orders.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules.hpp"

namespace yagura {

struct Reply {
  bool done = false;
  std::string text;
  FailureId failure = 0;
  bool later = false;  // answered by another turn
  StopId stop = 0;
  InquiryId inquiry = 0;
};

inline Reply refused(std::string text) {
  return {false, std::move(text)};
}
inline Reply done(std::string text, FailureId failure = 0) {
  return {true, std::move(text), failure};
}

struct Caller {
  const Person& person;
  bool has(Role role) const { return person.roles.contains(role); }
  bool is_lead() const { return has(Role::system_lead); }
  bool is_ops() const { return has(Role::ap_ops) || has(Role::infra_ops); }
  bool acts() const { return is_lead() || is_ops(); }
};

inline const std::string only_ops = "only AP ops, infra ops and the system lead may do this; the inquiry desk reports (`yagura open`) and answers (`yagura inquiry`)";
inline const std::string only_lead = "only the system lead may do this";

// Says nothing: white space only, the Japanese one included.
bool is_blank(std::string_view text);

// notice_orders.cpp
Reply follow(Turn& turn, const Caller& who, const HoldNotice& order);
Reply follow(Turn& turn, const Caller& who, const ReleaseNotice& order);
Reply follow(Turn& turn, const Caller& who, const WithdrawNotice& order);
Reply follow(Turn& turn, const Caller& who, const EditNotice& order);
Reply follow(Turn& turn, const Caller& who, const TellSecurity& order);

// duty_orders.cpp
Reply follow(Turn& turn, const Caller& who, const SwapDuty& order);
Reply follow(Turn& turn, const Caller& who, const CancelSwap& order);
Reply follow(Turn& turn, const Caller& who, const Escalate& order);

// stop_orders.cpp
Reply follow(Turn& turn, const Caller& who, const PlanStop& order);
Reply follow(Turn& turn, const Caller& who, const ChangeStop& order);
Reply follow(Turn& turn, const Caller& who, const EndStop& order);
Reply follow(Turn& turn, const Caller& who, const CancelStop& order);

// inquiry_orders.cpp
Reply follow(Turn& turn, const Caller& who, const OpenInquiry& order);
Reply follow(Turn& turn, const Caller& who, const ReplyInquiry& order);
Reply follow(Turn& turn, const Caller& who, const CloseInquiry& order);
Reply follow(Turn& turn, const Caller& who, const LinkInquiry& order);
// Of a failure that is reported because of an inquiry: why it may not be; then what links them.
std::optional<Reply> no_report_from(const Turn& turn, const Caller& who, const Open& order);
void link_report(Turn& turn, const Caller& who, const Open& order, Reply& reply);

}  // namespace yagura
