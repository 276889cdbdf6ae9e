// Judges a run: sees every transaction before and after it is durable, every mail that leaves and
// arrives, every answer to an operator, and the engine's state after each step. What it knows of
// windows and business days is its own (shape.hpp). Owned by the run; outlives every start of the
// daemon, so that it knows what was promised before a crash.
//
// referee.cpp: the record; referee_mail.cpp: what leaves and arrives; referee_changes.cpp: from one
// state to the next; referee_stops.cpp: planned stops; referee_inquiries.cpp: inquiries, and the
// mails that they come by; referee_deadlines.cpp: what would be late;
// referee_rest.cpp: what has to hold once everything has come to rest. What is promised, and the
// words with which its violation is named:
//
//   one open failure for a cause          "one open failure for a cause", "a component is of one
//                                         open failure"; each closes once: "a failure ends once"
//   one next deadline, or why none        "every open failure has its next deadline"
//   none stays overdue                    "no deadline stays overdue", "an attempt ends"
//   chain: order, time, once, and what    "chain steps come in their order", "no chain step is
//     an acknowledgement drops            early", "... is taken twice", "an acknowledgement drops
//                                         what it has to"
//   class and phase by their tables       "the class moves along its table", "the phase moves ..."
//   after closing only what is owed       "after closing only what is owed goes out"
//   bank mail: window, class, affected,   "bank mail goes in the window only", "no incident is
//     in order, to its end                mailed to a bank", "no bank hears of what cannot have
//                                         touched it" (and "only a service that is down counts as
//                                         kept down"), "a bank reads things in their order", "who
//                                         was told the first is told the end"
//   nothing without a durable row         "nothing is sent without a durable row", "what is sent is
//                                         what is recorded"
//   duplicates ≤ crashes + lost replies   "no more duplicates than crashes and lost replies" (of
//                                         each mail), "a mail has its notice's Message-ID", "a
//                                         notice has one mail"
//   backoff                               "the time between tries keeps its limits", "a retry comes
//                                         not before its time"
//   what was confirmed, what was durable  "what is confirmed to an operator is durable", "what was
//                                         durable survives", "a decided notice survives"
//   the record gives the state            "the record is the state in memory"
//   a restart without events              "a restart without events has no effects"
//   one run of a probe                    "one run of a probe at a time"
//   queues                                "no more attempts than mail.parallel", "the queue of the
//                                         record has its limit", "the loop comes to rest"
//   a relay away for days                 "a day without delivery is told to the lead"
//   planned stops: quiet while they       "nothing opens for what is quiet", "no step starts for
//     last, nothing suppressed after        what is quiet", "a planned stop gives no class and
//                                         touches no bank"; "what fails for long is a failure, also
//                                         after a planned stop", "what is down for long is kept
//                                         down by a failure, ..."
//   ... their times, by orders only       "only the lead plans stops", "a stop is what was
//   ordered",
//                                         "no stop ends early", "a stop ends once"
//   ... five business days                "a stop is announced five business days before, or is an
//                                         emergency", "an emergency is announced before it begins,
//                                         or after the fact", "what can be announced in time is
//                                         planned", "the lead hears of a stop that is announced too
//                                         late"
//   ... what banks read of them           "no bank hears of a stop that does not concern it",
//   "every
//                                         bank concerned is told of a stop, and of each change",
//                                         "banks have to be told of other times", "a bank reads of
//                                         a stop what is true at hand-over", "... in order, and
//                                         nothing twice", "an announcement that may have arrived is
//                                         not sent again after the end", "who was told of a stop is
//                                         told how it ended"
//   inquiries: a mail has one place       "a mail leaves the spool when it is recorded", "a mail to the
//                                         desk has one place", "a message is what was written",
//                                         "what a machine wrote is known as
//                                         such", "what an administrator or a colleague asks is an
//                                         inquiry", "an inquiry is of one bank or colleague"
//   ... one deadline, its reminders       "who has no answer waits for one", "who is answered waits
//                                         no more", "what is closed or aside waits for nothing", "an
//                                         inquiry that waits has one deadline", "an answer is due
//                                         within the response hours", "the time runs since the first
//                                         that nobody answered"; "no reminder is early", "a reminder
//                                         comes once", "reminders come in their order", "nobody is
//                                         reminded of what is answered", "the desk hears of a message
//                                         once"
//   ... answers, once and to who asked    "an answer goes to who asked", "an answer goes in its
//                                         thread", "answers go in the response hours", "an answer is
//                                         one mail", "nobody is answered by itself", "only the desk and
//                                         the lead answer" ("... close an inquiry"), "an answer that is
//                                         lost is known as such", "a closed inquiry gets only what is
//                                         owed"
//   ... what was recorded                 "an inquiry survives", "what was said in an inquiry stays",
//                                         "a closed inquiry opens by a further message only"
//   ... those who ask about a failure     "all who ask about a failure are told, and only they", "who
//                                         asks is told while the failure is open"
//   nobody unknown                        "nobody is mailed who is not known"
//   who is right at hand-over             "a bank's mail goes to its contacts of now"
//   nothing is lost                       "nothing is lost", "everything comes to rest"
//
// Each of them was seen to be named by breaking the code once.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "codec.hpp"
#include "engine.hpp"
#include "shape.hpp"
#include "simulated_store.hpp"
#include "virtual_world.hpp"

namespace yagura::sim {

struct Counts {
  int crashes = 0, starts = 0, failures = 0, decided = 0, delivered = 0, bank_mails = 0;
  int lost_replies = 0,
      cut_off = 0;  // attempts of unknown outcome: not answered; under way at an end
  int duplicated = 0, lost = 0;
  int spooled = 0, inquiries = 0;
};

// A mail to the inquiry desk that was taken into the spool.
struct SpooledMail {
  std::string name;  // in the spool
  std::string from;  // empty: it is no mail
  std::string text;  // that is in no other one
  std::string same_as;  // the same for mails that are one, sent twice
  bool automatic = false;
  bool unreadable = false;  // and put away
};

class Referee final : public Witness {
 public:
  Referee(VirtualWorld& world, Trace& trace) : world_(world), trace_(trace) {}

  void use(const Shape& shape, const Zone& zone);
  // After the record was opened and read back, before the engine is made of it.
  void opened(SimulatedStore& store, const Kept& kept);
  void started(Engine& engine) { engine_ = &engine; }
  // What was not durable is gone.
  void process_over();
  // What the transaction of a start may say where nothing happened.
  void expect_quiet_start() { quiet_start_ = true; }

  void queued(const Transaction& transaction);
  void committed(const Transaction& transaction);
  void answered(const PersonName& by, const std::string& text, const Answer& answer);
  // The order was given at `at`.
  void answered_to(const PersonName& by, const Order& order, Instant at, const Answer& answer);
  void wall_clock_moved(Duration by);
  // referee_inquiries.cpp
  void mail_is_spooled(SpooledMail mail);
  void mail_left_spool(const std::string& name, bool unreadable);
  // A mail is under way, or the engine may not have seen yet that the clock moved.
  bool is_busy() const { return !flying_since_.empty() || !under_way_.empty(); }
  bool is_unsure() const { return world_.clock() < unsure_until_; }
  void after_step();
  void look_at_deadlines();
  void look_at_targets();
  void compare_with_record();
  void at_rest();

  void mail_leaves(const Envelope& envelope) override;
  void mail_arrives(const Envelope& envelope, const std::vector<std::string>& addresses) override;
  void reply_is_lost(const Envelope& envelope) override;
  void mail_is_refused(const Envelope& envelope, const std::string& address) override;
  void probe_starts(const ProbeId& probe, bool already_runs) override;

  Counts counts;

 private:
  struct Change {
    std::map<FailureId, std::vector<MemberRow>> members;
    std::map<FailureId, Failure> failures;
    std::map<NoticeId, Notice> notices;
    std::map<StopId, Stop> stops;
    std::map<InquiryId, Inquiry> inquiries;
    std::vector<RecordEntry> facts;
    std::map<NoticeId, std::string> mails;
  };
  Change read(const Transaction& transaction);
  void judge(const Change& change);
  void judge_failure(const Change& change, const Failure* before, const Failure& after);
  void judge_phase(const Change& change, const Failure* before, const Failure& after);
  void judge_kept_down(const Change& change, const Failure* before, const Failure& after);
  void judge_classes(const Change& change, const Failure* before, const Failure& after);
  void judge_notice(const Change& change, const Notice* before, const Notice& after);
  void judge_fact(const Change& change, const RecordEntry& fact);
  void judge_chain(const Change& change, const RecordEntry& fact,
                   const std::map<std::string, std::string>& details);
  void judge_bank_mail(const Notice& notice);
  void judge_recipients(const Notice& after);
  // Of planned stops.
  void judge_stop(const Change& change, const Stop* before, const Stop& after);
  void judge_planning(const Stop* before, const Stop& after, Instant at, bool running);
  void judge_done(const Order& order, const Answer& answer);
  void judge_stop_notice(const Notice& after);
  void judge_quiet(const Change& change, const Failure* before, const Failure& after);
  void judge_stop_mail(const Notice& notice);
  void look_at(const Stop& stop, Instant now);
  void judge_stops_at_rest();
  void judge_thread_of_stop(const Stop& stop, const BankName& bank);
  bool can_be_mailed(Instant from, Instant before) const;
  Instant last_day_for_notice(Instant of) const;                     // its end
  bool concerns_bank(const Stop& stop, const BankName& bank) const;  // by the contracts of now
  std::set<std::string> contacts_of(const BankName& bank, const std::string& what) const;
  // Of inquiries.
  std::string known_as(const std::string& address) const;
  bool is_desk(const PersonName& name) const;
  Duration first_reply() const;
  Instant after_hours(Instant from, Duration length);
  int places_in_threads(const SpooledMail& mail) const;
  void judge_message(const Inquiry& inquiry, const InquiryMessage& message);
  void judge_inquiry(const Change& change, const Inquiry* before, const Inquiry& after);
  void judge_kept(const Inquiry& before, const Inquiry& after);
  void judge_waiting(const Change& change, const Inquiry* before, const Inquiry& after);
  void judge_inquiry_notice(const Change& change, const RecordEntry& fact,
                            std::map<std::string, std::string> details);
  void judge_replies_about(const Change& change);
  void judge_inquiry_hand_over(const Change& change, const Notice& before, const Notice& after);
  void judge_new_asker(const Notice& before);
  void judge_answer_mail(const Notice& notice, const Envelope& envelope);
  void judge_done_of_inquiry(const PersonName& by, const Order& order, const Answer& answer);
  void look_at(const Inquiry& inquiry, Instant now);
  void inquiries_opened(const Kept& kept);
  void inquiry_is_durable(const Inquiry& inquiry);
  void judge_inquiries_at_rest();
  void look_at(const Failure& failure, Instant now);
  void look_at(const Notice& notice, Instant now, bool free_place);
  void judge_threads_of(const BankName& bank);
  void violate(const std::string& invariant, const std::string& details) {
    trace_.violate(invariant, details);
  }
  bool decides(const Failure& failure) const;
  bool is_well(const Failure& failure) const;
  // `service` empty: everything. As it was at a time; as it surely is, also where a small step of
  // the clock was not seen.
  bool was_stopped(const ServiceName& service, Instant at, bool still = false) const;
  bool is_stopped(const ServiceName& service) const;
  bool was_quiet(const ComponentName& component, Instant at) const;
  bool is_quiet(const ComponentName& component) const;
  // Within the time that is over since.
  bool was_quiet_since(const ComponentName& component, Instant since) const;
  FailureId root(FailureId id) const;

  VirtualWorld& world_;
  Trace& trace_;
  Shape shape_;
  Zone zone_;
  Engine* engine_ = nullptr;
  SimulatedStore* store_ = nullptr;
  bool quiet_start_ = false;
  Duration started_at_{0}, unsure_until_{0};
  Duration news_at_{0};  // when the clock moved last, or a configuration was taken in
  Instant started_wall_{};
  std::optional<Duration> jump_to_be_seen_by_;

  std::map<FailureId, Failure> failures_;  // as queued last
  std::map<NoticeId, Notice> notices_;
  std::map<StopId, Stop> stops_;
  std::map<InquiryId, Inquiry> inquiries_;
  std::set<InquiryId> changed_inquiries_;
  std::set<StopId> changed_stops_;
  std::set<FailureId> changed_failures_;  // in this step
  std::set<NoticeId> changed_notices_;
  std::deque<Change> under_way_;  // queued, not durable yet
  // Durable:
  std::map<NoticeId, Notice> durable_notices_;
  std::map<StopId, Stop> durable_stops_;
  std::map<InquiryId, Inquiry> durable_inquiries_;
  std::set<std::string> durable_texts_of_bounces_;
  std::map<NoticeId, std::string> durable_mails_;
  std::set<std::string> durable_texts_;
  Store::Head durable_head_;
  Duration durable_at_{0};

  std::map<std::string, SpooledMail> spooled_;
  std::set<std::string> addresses_;  // ever in a configuration
  std::map<std::pair<Instant, Duration>, Instant> after_hours_;  // by the shape of now
  std::map<BankName, std::set<ServiceName>> contracts_;  // ever
  std::set<std::pair<FailureId, BankName>> added_;
  std::map<FailureId, int> ends_;
  std::map<NoticeId, std::string> first_bytes_;
  std::map<std::pair<NoticeId, std::string>, int> arrivals_;
  std::map<NoticeId, int> unsure_attempts_;
  std::set<NoticeId> left_;  // by this process, and how it went is not durable
  std::set<std::pair<NoticeId, std::string>> refusals_;
  std::map<NoticeId, Duration> flying_since_;
  std::map<NoticeId, Duration> handed_over_at_;  // when that was decided
  std::set<NoticeId> retry_was_due_;             // by a clock that was set back since
  std::map<FailureId, Duration> recovered_clock_;  // when it recovered last
  std::map<FailureId, Duration> lowered_at_;     // to an incident
  // What banks have read, and which failures joined others, in order of time.
  struct Chapter {
    BankName bank;  // none: `failure` joined `into`
    NoticeId notice = 0;
    NoticeKind kind{};
    FailureId failure = 0, into = 0;
  };
  std::set<std::pair<BankName, FailureId>> first_left_;  // whose first notice it may have read
  std::vector<Chapter> story_;
  struct StopChapter {
    NoticeId notice = 0;
    NoticeKind kind{};
    bool ends = false;
    int version = 0;
  };
  std::map<std::pair<StopId, BankName>, std::vector<StopChapter>> stop_stories_;  // as they arrived
  std::set<BankName> were_without_contact_;                  // for stops; those that left, too
  std::set<std::pair<StopId, BankName>> announcement_left_;  // which they may have read
  std::set<FailureId> joined_;
};

std::map<std::string, std::string> details_of(const RecordEntry& fact);
// The notice that the envelope's name speaks of.
NoticeId notice_of(const Envelope& envelope);

}  // namespace yagura::sim
