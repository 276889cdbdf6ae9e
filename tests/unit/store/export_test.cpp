#include "export.hpp"

#include "support.hpp"

using namespace yagura;

namespace {

RecordRow sample() {
  RecordRow row;
  row.id = 12;
  row.at = *parse_instant("2026-12-28T16:58:30.250+09:00");
  row.what = "failure.opened";
  row.failure = 3;
  row.who = "suzuki";
  row.subject = "failure:3";
  row.payload = R"({"reason":"a, \"b\""})";
  row.digest = "dd";
  row.chain = "cc";
  return row;
}

std::string csv_who(const std::string& who) {
  RecordRow row = sample();
  row.who = who;
  std::string line = export_row(ExportFormat::csv, *Zone::named("Asia/Tokyo"), row);
  std::string head = "12,2026-12-28T16:58:30.250+09:00,failure.opened,3,,";
  REQUIRE(line.rfind(head, 0) == 0);
  return line.substr(head.size(), line.find(",failure:3,") - head.size());
}

}  // namespace

TEST_CASE("CSV has a header, times in the zone, and quotes what needs it") {
  CHECK(export_header(ExportFormat::csv) ==
        "id,at,what,failure,notice,who,subject,payload,digest,chain,erased\r\n");
  CHECK(export_row(ExportFormat::csv, *Zone::named("Asia/Tokyo"), sample()) ==
        "12,2026-12-28T16:58:30.250+09:00,failure.opened,3,,suzuki,failure:3,"
        "\"{\"\"reason\"\":\"\"a, \\\"\"b\\\"\"\"\"}\",dd,cc,0\r\n");
  CHECK(csv_who("a,b") == "\"a,b\"");
  CHECK(csv_who("a\r\nb") == "\"a\r\nb\"");
  CHECK(csv_who(" a") == "\" a\"");
  CHECK(csv_who("say \"x\"") == "\"say \"\"x\"\"\"");
}

TEST_CASE("CSV never gives a spreadsheet a formula") {
  for (const char* sign : {"=", "+", "-", "@", "＝", "＋", "－", "＠"}) {
    CAPTURE(sign);
    CHECK(csv_who(std::string(sign) + "1") == "'" + std::string(sign) + "1");
    CHECK(csv_who(std::string("  ") + sign + "1") == "'  " + std::string(sign) + "1");
  }
  CHECK(csv_who("\t=1") == "'\t=1");
  CHECK(csv_who("\r=1") == "\"'\r=1\"");
  CHECK(csv_who("=HYPERLINK(\"http://x\",\"y\")") == "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
  CHECK(csv_who("a=1") == "a=1");
  CHECK(csv_who("") == "");
}

TEST_CASE("JSONL has one object a line with the recorded payload in it") {
  Zone zone = *Zone::named("Asia/Tokyo");
  CHECK(export_header(ExportFormat::jsonl).empty());
  RecordRow row = sample();
  CHECK(export_row(ExportFormat::jsonl, zone, row) ==
        R"({"id":12,"at":"2026-12-28T16:58:30.250+09:00","what":"failure.opened","failure":3,)"
        R"("notice":null,"who":"suzuki","subject":"failure:3","payload":{"reason":"a, \"b\""},)"
        R"("digest":"dd","chain":"cc","erased":false})"
        "\n");
  const auto payload = [&](const std::string& text) {
    row.payload = text;
    std::string line = export_row(ExportFormat::jsonl, zone, row);
    CHECK(line.find('\n') == line.size() - 1);
    std::size_t begin = line.find("\"payload\":") + 10;
    return line.substr(begin, line.find(",\"digest\"") - begin);
  };
  CHECK(payload("{\"n\":1.50}") == "{\"n\":1.50}");
  CHECK(payload("{\n\"n\":1\r\n}") == "{\"n\":1}");
  CHECK(payload("{\"n\":") == R"("{\"n\":")");
  CHECK(payload("[1]") == R"("[1]")");
  CHECK(payload("{} {}") == R"("{} {}")");
  CHECK(payload("x\ny") == R"("x\ny")");
  CHECK(payload("{\"a\":\"\xff\"}").find('\xff') == std::string::npos);
  row.erased = true;
  CHECK(payload("") == "null");
  row.who = "a\"b\\\n\xff";
  CHECK(has(export_row(ExportFormat::jsonl, zone, row), "\"who\":\"a\\\"b\\\\\\n\xEF\xBF\xBD\""));
}
