#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "calendar.hpp"

using namespace yagura;

namespace {

const std::string header = "国民の祝日・休日月日,国民の祝日・休日名称\r\n";

// Rows of one year by law, as the published list writes them.
std::string rows_of(int year, std::size_t at_most = 100) {
  std::string rows;
  for (const auto& [date, name] : national_holidays(year)) {
    if (at_most-- == 0) break;
    const auto day = civil(date);
    rows += std::to_string(year) + "/" + std::to_string(static_cast<unsigned>(day.month())) + "/" +
            std::to_string(static_cast<unsigned>(day.day())) + "," + name + "\r\n";
  }
  return rows;
}

std::string refusal(const std::string& bytes) {
  const auto holidays = parse_holidays_csv(bytes);
  return holidays ? "accepted" : holidays.error().message;
}

bool is_refused(const std::string& bytes, const std::string& words) {
  const std::string message = refusal(bytes);
  INFO(message);
  CHECK(message.find(words) != std::string::npos);
  return message.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("the list is read as CP932 and as UTF-8, with either kind of line end") {
  std::ifstream file(YAGURA_SOURCE "/tests/data/syukujitsu.csv", std::ios::binary);
  const std::string cp932{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto published = parse_holidays_csv(cp932);
  REQUIRE(published);
  CHECK(published->at(date_of(2000, 1, 1)) == "元日");
  CHECK(published->rbegin()->first == date_of(2027, 11, 23));

  std::string crlf = header + rows_of(2026) + rows_of(2027);
  const auto plain = parse_holidays_csv(crlf);
  REQUIRE(plain);
  CHECK(plain->size() == national_holidays(2026).size() + national_holidays(2027).size());
  CHECK(parse_holidays_csv("\xEF\xBB\xBF" + crlf).value() == *plain);
  std::string lf = crlf;
  std::erase(lf, '\r');
  CHECK(parse_holidays_csv(lf).value() == *plain);
  CHECK(parse_holidays_csv(lf.substr(0, lf.size() - 1)).value() == *plain);
  CHECK(parse_holidays_csv(header + "2026/01/01,元日\n" +
                           rows_of(2026).substr(rows_of(2026).find('\n') + 1)));
}

TEST_CASE("years before 1966 had nine holidays, and count as whole") {
  const std::string old = header + "1955/1/1,元日\r\n1955/1/15,成人の日\r\n1999/1/1,元日\r\n";
  CHECK(parse_holidays_csv(old + rows_of(2000)));
}

TEST_CASE("what is wrong with a list is said with its line") {
  const std::string whole = header + rows_of(2026);
  CHECK(is_refused("", "empty"));
  CHECK(is_refused(header, "empty"));
  CHECK(is_refused("<!DOCTYPE html>\n<html>", "line 1: the header is \"<!DOCTYPE html>\""));
  CHECK(is_refused("date,name\r\n" + rows_of(2026), "line 1: the header"));
  CHECK(is_refused(rows_of(2026), "line 1: the header"));
  CHECK(is_refused(header + "2026/13/1,元日\r\n", "line 2: \"2026/13/1\" is not a date"));
  CHECK(is_refused(header + "2026/2/29,元日\r\n", "line 2: \"2026/2/29\" is not a date"));
  CHECK(is_refused(header + "2026-01-01,元日\r\n", "is not a date"));
  CHECK(is_refused(header + "12026/1/1,元日\r\n", "is not a date"));
  CHECK(is_refused(header + "2026/1/1/,元日\r\n", "is not a date"));
  CHECK(is_refused(header + "-226/1/1,元日\r\n", "is not a date"));
  CHECK(is_refused(header + "2126/1/1,元日\r\n", "is not a date"));
  CHECK(is_refused(header + "2026/1/1\r\n", "line 2: \"2026/1/1\" is not a row"));
  CHECK(is_refused(header + "2026/1/1,\r\n", "line 2: the name of the holiday is missing"));
  CHECK(is_refused(header + "2026/1/1,元日,x\r\n", "two columns"));
  CHECK(is_refused(header + "2026/1/1,\"元日\"\r\n", "two columns"));
  CHECK(is_refused(header + "2026/1/1,\x1b[31m元日\r\n", "control characters"));
  CHECK(is_refused(header + "2026/1/1," + std::string(101, 'x') + "\r\n", "longer than 100 bytes"));
  CHECK(is_refused(whole + "\r\n2027/1/1,元日\r\n", "is not a row"));
  CHECK(is_refused(whole + "2026/11/3,文化の日\r\n", "2026-11-03 does not come after 2026-11-23"));
  CHECK(is_refused(whole + "2026/11/23,勤労感謝の日\r\n", "does not come after"));
}

TEST_CASE("a list that lost days is refused") {
  CHECK(is_refused(header + rows_of(2026, 9), "line 10: the year 2026 ends here with 9 days"));
  CHECK(parse_holidays_csv(header + rows_of(2026, 10)));
  CHECK(is_refused(header + rows_of(2026) + rows_of(2028), "the year 2027 ends here with 0 days"));
  CHECK(is_refused(header + rows_of(2026) + rows_of(2027, 3), "the year 2027"));
  CHECK(is_refused(header + "1999/1/1,元日\r\n", "ends with the year 1999"));
}

TEST_CASE("hostile lists are refused within bounds") {
  CHECK(is_refused(std::string((1 << 20) + 1, '\n'), "longer than 1048576 bytes"));
  CHECK(is_refused(std::string(1 << 20, '\n'), "line 1: the header"));
  CHECK(is_refused(std::string(1 << 20, '\xFD'), "neither CP932 nor UTF-8"));
  CHECK(is_refused(header + "2026/1/1,\xFF\xFF\r\n", "line 1"));
  CHECK(is_refused("\xEF\xBB\xBF" + header + "2026/1/1,\xFF\xFF\r\n", "not UTF-8 throughout"));
  CHECK(is_refused(header + std::string("2026/1/1,a\0b\r\n", 14), "control characters"));
}
