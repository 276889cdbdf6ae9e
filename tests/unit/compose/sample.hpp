// A small platform and failures in their stages, for the tests of the mails.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "compose.hpp"

namespace sample {

using namespace yagura;

Instant at(const std::string& time);  // "12-21 16:58" or "2027-01-04 10:00", Japanese time
Platform platform();

// Failure 12: the database is down since 16:58, keeps both services down; major since 17:01.
Failure detected();
Failure major();
Failure acknowledged();  // by suzuki, and a report of his
Failure relayed();       // with a report that the lead relayed
Failure recovered();     // 12-22 03:00
Failure confirmed();     // 12-22 03:30
Failure incident();      // number 13, of web-1

State state_with(std::vector<Failure> failures);
// The bank's thread as it is after `mails` mails.
BankThread told(int mails, int reports = 0, int relapses = 0);

struct NoticeOptions {
  NoticeId id = 7;
  FailureId failure = 12;
  std::string topic{};
  std::map<std::string, std::string> details{};
  int number = 0;
  int reports = 0;
  std::optional<Instant> relapse;
};
Notice notice(const Platform& platform, NoticeKind kind, const std::string& audience,
              NoticeOptions options = {});
void mark_sent(State& state, Notice notice, const std::string& time);

// For those who all read this language.
const Composer& composer(Language language = Language::ja);
// What is written in this sample, in English: names, reports, texts of people.
Platform in_english(Platform platform);
State in_english(State state);
Notice in_english(Notice notice);
const Mailbox& from();
const Words& words(Language language = Language::ja);
// The Japanese mail, and with it the English one.
struct Composed : Message {
  Message english;
};
Composed compose(const Platform& platform, const State& state, const Notice& notice,
                 const std::string& now);
// The mail as a file to read: subject, the headers that matter, the body.
std::string dump(const Message& message);
// Compares with tests/data/mail/NAME.txt, and the English mail with tests/data/mail/en/NAME.txt;
// writes them where YAGURA_UPDATE_GOLDEN is set.
void check_golden(const std::string& name, const Composed& message);
bool updates_golden();
std::string read_file(const std::string& path);  // empty where there is none

}  // namespace sample
