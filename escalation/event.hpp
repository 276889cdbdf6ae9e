// What comes in to the decision code, and what goes out of it. Both are closed: a new case shows every place that must know it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "failure.hpp"
#include "inquiry.hpp"
#include "notice.hpp"
#include "observation.hpp"
#include "platform.hpp"
#include "stop.hpp"

namespace yagura {

// ---- Commands of people. `by` is one of the platform's people; who may do what is decided here. ----

using CommandId = std::uint64_t;

struct Acknowledge { FailureId failure; std::string text; };
struct Respond { FailureId failure; bool success; std::string text; };
struct Report { FailureId failure; std::string text; bool to_banks; };
struct Recover { FailureId failure; std::string text; };
struct Confirm { FailureId failure; std::string text; bool job_ok; };
struct Classify { FailureId failure; FailureClass classification; std::string text; };
struct ChangeBanks { FailureId failure; bool add; BankName bank; std::string text; };
struct Open {
  std::vector<ComponentName> components;
  std::vector<ServiceName> services;
  bool major = false;
  bool from_desk = false;
  std::string text;
  InquiryId inquiry = 0;  // that says so
};
struct HoldNotice { NoticeId notice; };
struct ReleaseNotice { NoticeId notice; };
struct WithdrawNotice { NoticeId notice; };
// The lead's words in place of the template's. What stood there, and of what version, is given by who can compose.
struct EditNotice {
  NoticeId notice = 0;
  std::string subject;
  std::string body;
  std::string version{};         // as edition_of() said when the text was taken; empty: as it is now
  std::string subject_before{};
  std::string body_before{};
};
// A leak, loss or tampering, or a likely one (§6.9-5): in the lead's words, to the banks that the lead names. It waits for the
// lead's second word (ReleaseNotice), and goes then: at once, or in the window for mail to banks.
struct TellSecurity {
  std::set<BankName> banks;
  bool all_banks = false;
  bool at_once = false;
  std::string text;
};
// Somebody of the role takes its duty for a while (F7).
struct SwapDuty {
  std::string role;
  PersonName person;
  Instant from{};
  Instant until{};
  std::string text;
};
struct CancelSwap { std::int64_t swap; };
// The owner asks for the lead though the incident could wait for response hours (F7).
struct Escalate { FailureId failure; std::string text; };
struct PlanStop {
  std::set<ServiceName> services;
  bool all_services = false;
  Instant from{};
  Instant until{};
  std::string text;
  bool emergency = false;
  bool after_the_fact = false;
};
// What is not given stays. While the stop runs, only its end and the text.
struct ChangeStop {
  StopId stop = 0;
  std::optional<Instant> from{};
  std::optional<Instant> until{};
  std::string text{};
  bool emergency = false;
  bool after_the_fact = false;
  std::string regular{};  // or the regular one of this name, which is under way: it is extended
};
struct EndStop {  // earlier than planned
  StopId stop;
  std::string regular{};  // or the regular one of this name
};
struct CancelStop {
  StopId stop = 0;
  std::string regular;        // or one date of the regular one of this name
  std::optional<Date> on{};
  std::string text;
};

struct OpenInquiry {
  BankName bank;         // whose administrator asks; or none
  std::string from;      // who: the name or address of a contact or colleague, or any words
  std::string subject;
  std::string text;
};
struct ReplyInquiry {
  InquiryId inquiry = 0;
  FailureId failure = 0;  // or: to all who ask about this failure
  std::string text;
  bool again = false;     // although it is answered
};
struct CloseInquiry { InquiryId inquiry = 0; std::string text; };
struct LinkInquiry { InquiryId inquiry = 0; FailureId failure = 0; };

using Order = std::variant<Acknowledge, Respond, Report, Recover, Confirm, Classify, ChangeBanks, Open, HoldNotice,
                           ReleaseNotice, WithdrawNotice, EditNotice, TellSecurity, SwapDuty, CancelSwap, Escalate, PlanStop,
                           ChangeStop, EndStop, CancelStop, OpenInquiry, ReplyInquiry, CloseInquiry, LinkInquiry>;

// ---- Events ----

struct Observed { ProbeId probe; Observation observation; };
struct StepEnded { FailureId failure; ComponentName component; int step; StepResult result; std::string output; };
struct Delivered {
  NoticeId notice;
  std::vector<std::string> accepted;
  std::vector<std::pair<std::string, std::string>> refused;   // address, reply
  std::vector<std::pair<std::string, std::string>> deferred;
  bool unknown = false;
  std::string reply;
};
struct Tick {};
struct Restarted {};                        // after the state was read back; probes have not run yet
struct ClockJumped { Duration by; };        // wall against steady
// Probes began later than is tolerated, or outlive their timeout: by how much the worst, and how many runs fell out by
// it. Said again while it lasts, at least every half a minute.
struct ProbesLate { Duration by; std::uint64_t fell_out; };
struct PlatformChanged { PlatformPtr platform; std::vector<std::string> changes; };
struct Command { CommandId id; PersonName by; Order order; };

// A mail to the inquiry desk, as it was read. Everything in it is somebody's word, and may be made up.
struct MailCame {
  std::string spooled;                  // what it is known by until it is recorded
  std::string from_name;
  std::string from_address;             // empty: it names nobody
  std::string subject;
  std::string message_id;               // with its brackets, or empty
  std::vector<std::string> references;  // the nearest last
  InquiryId number = 0;                 // of the inquiry that its subject names
  std::string automatic;                // why it is a machine's; empty: a person's
  std::vector<std::string> undelivered; // Message-IDs of mails that it says did not arrive
  std::string text;
  std::vector<KeptFile> files;
  std::vector<std::string> left_out;
};

using Event = std::variant<Observed, StepEnded, Delivered, Tick, Restarted, ClockJumped, ProbesLate, PlatformChanged, Command,
                           MailCame>;

// ---- What goes out ----

// One line of the record, for people and audits. `what` is a stable name: failure.opened, notice.sent, probe.turned, …
struct Fact {
  Instant at{};
  std::string what;
  FailureId failure = 0;
  NoticeId notice = 0;
  std::string who = "daemon";
  std::map<std::string, std::string> details;
};

struct RunProbes { std::vector<ProbeId> probes; };  // at once, freshly: a run in flight does not count
struct StartStep {
  FailureId failure;
  ComponentName component;
  int step;
  std::vector<std::string> run;
  Duration limit;
};
struct StopStep { FailureId failure; ComponentName component; int step; };  // its time is up
struct HandOver { NoticeId notice; };               // render where not rendered, keep the bytes, then send
struct Answer { CommandId command; bool done; std::string text; FailureId failure = 0; StopId stop = 0; InquiryId inquiry = 0; };

struct ForgetSpooled { std::string spooled; };      // the mail is recorded: its file may go

using Effect = std::variant<RunProbes, StartStep, StopStep, HandOver, Answer, ForgetSpooled>;

// Everything that one event leads to: to be written in one transaction (facts and states), then acted on (effects).
struct Batch {
  std::vector<Fact> facts;
  std::set<FailureId> failures;         // whose state changed, the members apart
  std::set<std::pair<FailureId, ComponentName>> members;  // who joined a failure, or left it
  std::set<NoticeId> notices;
  std::set<StopId> stops;
  std::set<InquiryId> inquiries;        // those too that the state knows no more
  std::set<ComponentName> components;
  std::set<ServiceName> services;
  bool core = false;
  std::vector<Effect> effects;
  bool writes() const {
    return !facts.empty() || !failures.empty() || !members.empty() || !notices.empty() || !stops.empty() ||
           !inquiries.empty() || !components.empty() || !services.empty() || core;
  }
};

}  // namespace yagura
