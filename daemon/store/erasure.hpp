// Finding the personal data of a bank in the record, so that it can be erased on request (R4): the
// names and addresses of its contacts, as they stand in its notices and inquiries, every payload that
// holds one of them or a text written for the bank, and all that was said in its inquiries. What is found is emptied by the writer; digests, and
// with them the chain, stay.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "reader.hpp"
#include "result.hpp"

namespace yagura {

struct PersonalData {
  std::set<std::string> texts;       // names and addresses, as they are
  std::set<std::int64_t> notices;    // to the bank
  std::set<std::int64_t> inquiries;  // of the bank's people
  std::set<std::int64_t> notices_of_inquiries;  // to whomever they went
};
// From the notices and inquiries of the bank, as they were recorded at any time.
Result<PersonalData> personal_data_of(RecordReader& reader, const std::string& bank);

// Takes every text out of the JSON text, and puts "(erased)" in its place. False: there was none.
bool redact(std::string& json_text, const std::set<std::string>& texts);

struct ErasableRows {
  std::vector<std::int64_t> rows;   // in order; never the last of its subject, which is a state
  std::vector<std::int64_t> mails;  // notices whose mail is to go
  std::int64_t left = 0;            // rows that hold such data and are needed
};
Result<ErasableRows> erasable_rows(RecordReader& reader, const PersonalData& data);

// "5-9,12": as a row record.erased names them.
std::vector<std::string> ranges_of(const std::vector<std::int64_t>& rows, std::size_t most_ranges_each);
struct ErasedRange {
  std::int64_t from = 0, until = 0;  // inclusive
};
std::vector<ErasedRange> read_ranges(std::string_view text);

}  // namespace yagura
