// What a mail to operations, the desk or the lead says: everything there is to know for the next
// step. Never used for a bank.
#pragma once

#include "mail_template.hpp"
#include "state.hpp"
#include "words.hpp"

namespace yagura {

const Vocabulary& ops_vocabulary();
View ops_view(const Platform& platform, const State& state, const Notice& notice,
              const Words& words, Instant now);

// The pieces of it, by source file.
namespace ops {

// How long lists may get: the rest is counted, and stands in `yagura show`.
constexpr std::size_t most_members = 10;
constexpr std::size_t most_reports = 5;
constexpr std::size_t most_banks = 40;
constexpr std::size_t most_steps = 10;
constexpr std::size_t most_notices = 10;

struct Source {
  const Platform& platform;
  const State& state;
  const Notice& notice;
  const Words& words;
  Instant now;
  std::vector<const Notice*> related{};  // of the failure, and of what joined it; by number

  View view() const { return View{words["unknown"]}; }
  std::string time(Instant at) const;
  std::string person(const PersonName& id) const;  // the name, or the identifier
  std::string bank(const BankName& id) const;
  std::string service(const ServiceName& id) const;
  std::string services(const std::set<ServiceName>& ids) const;
  std::string audience(const std::string& audience) const;
  // A detail of the notice; the word for "unknown" where it is missing. Times, lengths, and
  // comma-joined names of banks and services are put as people read them.
  std::string detail(const std::string& name) const;
  bool has_detail(const std::string& name) const;
  std::string detail_time(const std::string& name) const;
  std::string detail_length(const std::string& name) const;
  std::vector<std::string> detail_list(const std::string& name) const;  // none where it is missing
  std::string detail_names(const std::string& name) const;
  // The notices of those numbers: "#7 重大障害の第1報(青空銀行)"; of one that is gone, what the
  // details say.
  std::string detail_notices(const std::string& name) const;
  std::string notice_named(const std::string& id) const;
  std::string describe(const Notice& notice) const;  // "重大障害 第1報(青空銀行)"
};

// "a, b,c" -> a, b, c.
std::vector<std::string> split_names(std::string_view text);

// ops_failure.cpp.
const Vocabulary& failure_vocabulary();
View failure_view(const Source& source, const Failure& failure);
// ops_banks.cpp: CHAIN, BANK, HELD and what belongs to them, into the failure's view.
void add_chain(View& view, const Source& source, const Failure& failure);
void add_banks(View& view, const Source& source, const Failure& failure);
// ops_inquiry.cpp.
const Vocabulary& inquiry_vocabulary();
View inquiry_view(const Source& source, const Inquiry& inquiry);
// ops_topics.cpp: what the notice is about beyond its failure: reminders, questions to the lead,
// undelivered mail, blind probes.
void add_topics(View& view, const Source& source);
const Vocabulary& topics_vocabulary();  // its sections

}  // namespace ops
}  // namespace yagura
