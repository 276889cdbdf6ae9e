// The rules, in the order in which a turn asks them (decider.cpp). Each is a small function over the turn that changes
// what it finds to be due, says why in a fact, and asks to be woken for what is not due yet. All are level-triggered: asked twice
// at one instant they change nothing the second time.
#pragma once

#include "turn.hpp"

namespace yagura {

// ---- looking.cpp: how things stand ----

// The component as failures are judged by: what a planned stop or a restart has hidden counts only by later runs.
ComponentState effective_state(const Turn& turn, const ComponentName& component);
bool is_bad(const Turn& turn, const ComponentName& component);  // a probe of it is confirmed as failing
// Nothing of the component is hidden any more: each probe that failed before has a run begun since that says how it is now.
// Without `jobs_too` no job is waited for, which runs when its time comes: what it said before stays hidden until then.
bool is_seen_since(const Turn& turn, const ComponentName& component, Instant since, bool jobs_too = true);
// Every service that needs it, directly or not, is stopped.
bool is_quiet(const Turn& turn, const ComponentName& component);
// What an open failure keeps down: of its services only those are judged again for which something has changed.
const Keeping& keeping_of(Turn& turn, FailureId id);
// These failures (in order), taken as one.
bool keep_down_together(const Turn& turn, const std::vector<FailureId>& failures, const ServiceName& service);
// Its components; of one that a person reported, and that has none, those that its services need.
std::set<ComponentName> looked_at(const Turn& turn, const Failure& failure);
// Every probe of what is looked at (job probes apart) ran after `since` and neither confirms nor clears.
bool ran_afresh(const Turn& turn, const Failure& failure, Instant since);
// After a restart: the failure's probes ran once (§3, last paragraph).
bool may_decide(const Turn& turn, const Failure& failure);
// The component ran, joined or left: it may be, or no more be, what may_decide() waits for.
void look_whether_afresh(const Turn& turn, FailureId id, const ComponentName& component);
std::vector<ProbeId> probes_of(const Turn& turn, const Failure& failure);
std::string join(const std::set<std::string>& names);
std::string component_reason(const Turn& turn, const ComponentName& component);

// ---- stops.cpp, stop_notices.cpp ----
void follow_stops(Turn& turn);
// What a bank is owed, of a failure or of a planned stop.
struct Owed {
  std::optional<NoticeKind> kind;  // none: the bank is owed nothing now
  std::string reason;
};
// What each bank is owed of a planned stop; and the lead, where a bank was not told in time.
void owe_banks_of_stop(Turn& turn, StopId id);
// `name`: of a bank that the stop's threads have.
Owed owed_to(const Turn& turn, const Stop& stop, const StopThread& thread, const BankName& name);
void bank_told_of_stop(Turn& turn, const Notice& notice);
void bank_refused_stop(Turn& turn, const Notice& notice);
// The lead withdraws it: the bank is taken as told of what it says.
void withdrawn_stop_notice(Turn& turn, const Notice& notice, const PersonName& by);
bool concerns(const Stop& stop, const Bank& bank);
// Why the notice of a stop's end has to wait; empty: it need not, or is of nothing that is over.
std::string unseen_end(const Turn& turn, const Notice& notice);

// ---- inquiries.cpp ----
// Tells the desk of what was asked, and reminds it before an answer is due and after.
void follow_inquiries(Turn& turn);
// `message` is from who asks: from now on it waits for an answer.
void take_message(Turn& turn, InquiryId id, InquiryMessage message);
// A new one of who asks; without messages yet.
Inquiry& add_inquiry_of(Turn& turn, const Correspondent& who, std::string subject);
// The last answer will not arrive: who asked waits again, and the desk is told.
void lose_answer(Turn& turn, InquiryId id, const std::string& why, const std::string& reply);
// When answers are due, by the calendar and the hours in force.
void compute_due_times_again(Turn& turn);
// An answer goes by another notice now.
void carried_by(Turn& turn, InquiryId id, NoticeId before, NoticeId now);
// Nothing waits for an answer any more: the reminders are withdrawn.
void wait_no_more(Turn& turn, InquiryId id, const std::string& why);

// ---- inquiry_mails.cpp ----
// A mail becomes an inquiry, goes on with one, or is kept aside.
void take_mail(Turn& turn, const MailCame& came);

// ---- opening.cpp: rules 1 to 3 of opening and joining ----
void open_and_join(Turn& turn);
// Whether its cause lies outside the platform, as is said of it now: the record keeps that, whatever becomes of the configuration.
Turn::Details with_outside(const Turn& turn, const Failure& failure, Turn::Details details);
void merge_what_keeps_a_service_down_together(Turn& turn);
void relapse(Turn& turn);
// A recovered failure is one again: `what` fails again.
void fall_back(Turn& turn, FailureId id, const std::string& what, const std::string& reason);
// Names the cause anew, and tells the owner where that changes it.
void set_cause(Turn& turn, FailureId id, const ComponentName& cause);

// ---- classification.cpp, response.cpp, recovery.cpp ----
void classify(Turn& turn, FailureId id);
void decide_class(Turn& turn, FailureId id, FailureClass classification, ClassRule rule, std::string detail,
                  std::string by = {});
void settle_response(Turn& turn, FailureId id);
void end_step(Turn& turn, FailureId id, StepResult result, std::string output, std::string by);
// Starts the next step; false where none is left. `waits`: one is left that may not start now.
bool start_next_step(Turn& turn, FailureId id, bool& waits);
bool has_response(const Turn& turn, const Failure& failure);
void recover(Turn& turn, FailureId id);
void mark_recovered(Turn& turn, FailureId id, const std::string& why);
// Every probe of its components ran and is well, and no person says otherwise.
bool all_well(const Turn& turn, const Failure& failure);
void close(Turn& turn, FailureId id, Closing closing, const std::string& by, const std::string& text);
void finish_confirmations(Turn& turn);
std::vector<std::string> not_well(const Turn& turn, const Failure& failure, bool job_ok);

// ---- chain.cpp ----
void walk_chain(Turn& turn, FailureId id);
void remind(Turn& turn, FailureId id);
void tell_undecided(Turn& turn, FailureId id);
// Whoever is on duty has not acknowledged it: the others of the role are mailed, too.
void widen_within_role(Turn& turn, FailureId id);
void tell_blind_probes(Turn& turn, const ComponentName& name);
// Of the monitoring itself: a fact of this name, and a mail to whoever keeps its machine, and to the lead.
void tell_of_monitoring(Turn& turn, const std::string& fact, const std::string& topic, const std::string& reason,
                        const Turn::Details& details);
void warn_of_calendar(Turn& turn);

// ---- cut_off.cpp ----
bool is_cut_off(const Turn& turn);
// What counts now that this run is known: itself, or nothing yet, or what waited for it; as it was seen, or as unknown.
std::vector<Observed> through_self_check(Turn& turn, const Observed& event);
// The same where no run came: time has passed, or the configuration is another.
std::vector<Observed> judged_by_self_check(Turn& turn);

// ---- lateness.cpp ----
void take_lateness(Turn& turn, const ProbesLate& late);
void tell_late_probes(Turn& turn);

// ---- bank_notices.cpp ----
// `bank`: null where the configuration knows it no more.
Owed owed_to(const Failure& failure, const BankThread& thread, const Bank* bank);
const Bank* bank_named(const Platform& platform, const BankName& name);  // null: it has left
// The last relapse that took a service of the bank down again.
std::optional<Instant> relapse_felt_by(const Failure& failure, const Bank* bank);
void find_affected_banks(Turn& turn, FailureId id);
void owe_banks(Turn& turn, FailureId id);
// Closed, and everyone concerned has heard: a bank or a contract that comes later has no part in it.
void settle(Turn& turn, FailureId id);
void bank_told(Turn& turn, const Notice& notice);
void bank_refused(Turn& turn, const Notice& notice);
FailureId end_of_joins(const Turn& turn, FailureId id);

std::string step_name(std::string_view chain, int index, const ChainStep& step);

// ---- approval.cpp ----
// Where `bank_notices.approval` is the lead's: the notice waits for the lead's word on what it says now.
bool awaits_approval(const Turn& turn, const Notice& notice);
// Of what a failure or a stop tells its banks the lead is asked at once, however many banks there are: by subject and reason.
using Questions = std::map<std::tuple<FailureId, StopId, std::string_view>, std::vector<NoticeId>>;
// Adds the notice where the lead is to be asked: once for what it says, and again half an hour before each closing of its window.
void consider_approval(Turn& turn, NoticeId id, Questions& questions);
void ask_for_approval(Turn& turn, const Questions& questions);
// What the lead wrote stands no more where the notice has to say something else by now; the lead hears of it.
void drop_outdated_edit(Turn& turn, NoticeId id);
void drop_edit(Turn& turn, NoticeId id);

// ---- channel.cpp ----
// Has it, or has refused it for good.
bool is_settled(const Notice& notice, const Recipient& recipient);
// Why there is no use in running the person's command for it; empty: there is.
std::string why_no_command(const Turn& turn, const Notice& notice, const Recipient& person);
// Takes the commands (people.NAME.command) away that are of no use any more. True: nobody is left who has yet to get it.
bool drop_commands(Turn& turn, NoticeId id);
// Undelivered for so long, the lead is told; and no command is run any more.
constexpr Duration undelivered_for = 24h;

// ---- outbox.cpp ----
void hand_over_what_is_due(Turn& turn);
// Asked once more at the moment of leaving, which the disk may have put off: its window, and no clock that has just jumped.
bool may_leave(const Platform& platform, const State& state, const Notice& notice, Instant now);
void take_delivery(Turn& turn, const Delivered& delivered);
// What only some of its recipients have ends as sent; the lead hears who has not.
void give_up_the_rest(Turn& turn, NoticeId id, const std::string& why);

// ---- orders.cpp ----
void obey(Turn& turn, const Command& command);

// ---- reload.cpp ----
void follow_platform(Turn& turn, const std::vector<std::string>& changes);
// What is open and held, against the configuration in force: after a reload, and after a start, before which it
// may have been edited.
void compare_with_platform(Turn& turn);
// Of these unsent notices; not of those under way, nor of those that may have arrived.
void compute_recipients_again(Turn& turn, const std::set<NoticeId>& of);

}  // namespace yagura
