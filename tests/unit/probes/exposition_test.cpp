#include "resource/exposition.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "resource/series_values.hpp"

using namespace yagura;

namespace {

SeriesSelector selector(const std::string& text) {
  auto parsed = SeriesSelector::parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().message));
  return *std::move(parsed);
}

// "a=1,b=2:5 …" of the series that match, or what is wrong.
std::string read(const std::string& text, const std::string& series) {
  const SeriesSelector wanted = selector(series);
  auto lines = lines_of(text, {wanted.name()});
  if (!lines) return "no format: " + lines.error().message;
  auto samples = series_in(*lines, wanted);
  if (!samples) return samples.error().message;
  std::string words;
  for (const Sample& sample : *samples) {
    if (!words.empty()) words += ' ';
    for (const auto& [label, value] : sample.labels)
      words += (words.empty() || words.back() == ' ' ? "" : ",") + label + "=" + value;
    const std::string number = std::isnan(sample.value)   ? "nan"
                               : std::isinf(sample.value) ? (sample.value > 0 ? "inf" : "-inf")
                                                          : std::to_string(sample.value);
    words += ":" + number.substr(0, number.find(".000000"));
  }
  return words;
}

const std::string own_example = R"(# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# Finally a summary, which has a complex representation, too:
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds{quantile="0.99"} 76656
rpc_duration_seconds_sum 1.7560473e+07
)";

}  // namespace

TEST_CASE("exposition: the example of the format's own documentation is read") {
  CHECK(read(own_example, "http_requests_total") == "code=200,method=post:1027 code=400,method=post:3");
  CHECK(read(own_example, "http_requests_total{code=\"400\"}") == "code=400,method=post:3");
  CHECK(read(own_example, "msdos_file_access_time_seconds") ==
        "error=Cannot find file:\n\"FILE.TXT\",path=C:\\DIR\\FILE.TXT:1458255915");
  CHECK(read(own_example, "metric_without_timestamp_and_labels") == ":12.470000");
  CHECK(read(own_example, "something_weird") == "problem=division by zero:inf");
  CHECK(read(own_example, "http_request_duration_seconds_bucket{le=\"+Inf\"}") == "le=+Inf:144320");
  CHECK(read(own_example, "http_request_duration_seconds_sum") == ":53423");
  CHECK(read(own_example, "rpc_duration_seconds{quantile=\"0.99\"}") == "quantile=0.99:76656");
  CHECK(read(own_example, "rpc_duration_seconds_sum") == ":17560473");
  CHECK(read(own_example, "http_requests") == "");
}

TEST_CASE("exposition: a line is read as Prometheus reads it") {
  const auto line = [](const std::string& text) { return read("x 0\n" + text + "\n", "a"); };
  CHECK(line("a 1") == ":1");
  CHECK(line("\t a\t1 \t") == ":1");
  CHECK(line("a 1\r") == ":1");
  CHECK(line("a{} 1") == ":1");
  CHECK(line("a { b = \"c\" , d=\"e\", } -1.5e1 7") == "b=c,d=e:-15");
  CHECK(line("a{b=\"{},\\\\ # \\q\"}1") == "b={},\\ # \\q:1");
  CHECK(line("a NaN") == ":nan");
  CHECK(line("a nan") == ":nan");
  CHECK(line("a -Inf") == ":-inf");
  CHECK(line("# a 1") == "");
  CHECK(line("a:b 1") == "");
  for (const char* wrong :
       {"a", "a ", "a x", "a 1 x", "a 1 2 3", "a 1e999", "a ++1", "a{ 1", "a{b} 1", "a{b=c} 1", "a{b=\"c} 1",
        "a{b=\"c\" d=\"e\"} 1", "a{,} 1", "a{b=\"c\",,} 1", "a{b=\"c\\", "a{1b=\"c\"} 1", "a{b:c=\"d\"} 1",
        "a{b=\"c\",b=\"d\"} 1", "a{b=\"c\"} ", "a=1", "a\"1"}) {
    CAPTURE(wrong);
    CHECK(line(wrong).starts_with("line 1 of a cannot be understood: 'a"));
  }
}

TEST_CASE("exposition: what is none of the format is told by its beginning; other metrics' lines do not matter") {
  CHECK(read("", "a") == "");
  CHECK(read("\n \n# nothing\n", "a") == "");
  CHECK(read("<html><body>a 1</body>", "a") == "no format: it begins with '<html><body>a 1</body>'");
  CHECK(read("It works!\na 1\n", "a") == "no format: it begins with 'It works!'");
  CHECK(read("{\"a\": 1}", "a") == "no format: it begins with '{\"a\": 1}'");
  CHECK(read("\xff\xfe\n", "a") == "no format: it begins with '\xEF\xBF\xBD\xEF\xBF\xBD'");
  CHECK(read("x 0\ny{broken\n\xff\n=\na 1", "a") == ":1");
}

TEST_CASE("exposition: limits on a line, on labels, on series; no UTF-8 is not taken") {
  CHECK(read("a{b=\"\xff\"} 1\n", "a") ==
        "line 1 of a cannot be read, as it is no UTF-8: 'a{b=\"\xEF\xBF\xBD\"} 1'");
  CHECK(read("a{b=\"あ\"} 1\n", "a{b=\"あ\"}") == "b=あ:1");
  CHECK(read("a{b=\"" + std::string(66'000, 'x') + "\"} 1\n", "a") == "a line of a is longer than 64 KiB");
  std::string many = "x 0\na{";
  for (int label = 0; label < 129; ++label)
    many += "l" + std::to_string(label) + "=\"\",";
  CHECK(read(many + "} 1\n", "a").starts_with("line 1 of a cannot be understood"));
  std::string flood;
  for (int series = 0; series < 10'001; ++series)
    flood += "a{b=\"" + std::to_string(series) + "\"} 1\n";
  CHECK(read(flood, "a{b=\"7\"}") == "there are more than 10000 series of a");
}

TEST_CASE("series: labels are compared as Prometheus compares them") {
  const std::string text = "a{b=\"x\",c=\"1\"} 1\na{b=\"xy\"} 2\na{b=\"\"} 3\n";
  CHECK(read(text, "a{b=\"x\"}") == "b=x,c=1:1");
  CHECK(read(text, "a{b!=\"x\"}") == "b=xy:2 b=:3");
  CHECK(read(text, "a{b=~\"x\"}") == "b=x,c=1:1");  // the whole value
  CHECK(read(text, "a{b=~\"x.?\"}") == "b=x,c=1:1 b=xy:2");
  CHECK(read(text, "a{b!~\"x.?\"}") == "b=:3");
  CHECK(read(text, "a{c=\"\"}") == "b=xy:2 b=:3");  // one that is not there is ""
  CHECK(read(text, "a{c!=\"\"}") == "b=x,c=1:1");
  CHECK(read(text, " a { b =~ 'x|xy' , c = \"1\", } ") == "b=x,c=1:1");
  CHECK(read("a{b=\"/var/lib\"} 1\na{b=\"/varXlib\"} 2\n", "a{b=~\"/var\\\\/lib|\\.\"}") == "b=/var/lib:1");
  CHECK(read("a{b=\"x\\\"y\"} 1\n", "a{b=\"x\\\"y\"}") == "b=x\"y:1");
}

TEST_CASE("series: what is wrong with a selector is said") {
  const auto said = [](const std::string& text) {
    auto parsed = SeriesSelector::parse(text);
    return parsed ? std::string() : parsed.error().message;
  };
  for (const char* wrong : {"", "1a", "a b", "a{", "a{b}", "a{b=c}", "a{b=\"c}", "a{b==\"c\"}", "a{b=\"c\"}x", "{a=\"b\"}",
                            "a{b=\"c\" d=\"e\"}", "a{b=\"c\\", "a[5m]", "a{あ=\"b\"}"}) {
    CAPTURE(wrong);
    CHECK(said(wrong).find("write its name, and labels in braces") != std::string::npos);
  }
  CHECK(said("rate(a[5m])").find("an expression of PromQL") != std::string::npos);
  CHECK(said("a{b=~\"(\"}").find("is no regular expression") != std::string::npos);
  CHECK(said("a{" + std::string(5000, ' ')) == "is longer than 4096 bytes");
  std::string many = "a{";
  for (int label = 0; label < 33; ++label)
    many += "b=\"\",";
  CHECK(said(many + "}") == "has more than 32 labels");
}

TEST_CASE("series: rates go over a restart of the counter, and know nothing of what is new") {
  const Labels one{{"n", "1"}}, two{{"n", "2"}}, three{{"n", "3"}};
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(rates_of({{one, 10}, {two, 100}}, {{one, 70}, {two, 30}, {three, 5}}, 60) ==
        SeriesValues{{one, 1}, {two, 0.5}});
  CHECK(rates_of({{one, infinity}}, {{one, infinity}}, 60).empty());
}

TEST_CASE("series: together, and as shares of others") {
  const Labels one{{"n", "1"}}, two{{"n", "2"}};
  const SeriesValues values{{one, 1}, {two, 3}};
  CHECK(together(values, Together::each) == values);
  CHECK(together(values, Together::sum) == SeriesValues{{{}, 4}});
  CHECK(together(values, Together::min) == SeriesValues{{one, 1}});
  CHECK(together(values, Together::max) == SeriesValues{{two, 3}});
  CHECK(together({}, Together::sum).empty());
  CHECK(shares_of(values, {{one, 4}, {two, 4}}).values == SeriesValues{{one, 0.25}, {two, 0.75}});
  CHECK(shares_of(values, {{{}, 10}}).values == SeriesValues{{one, 0.1}, {two, 0.3}});
  CHECK(shares_of(values, {{two, 6}, {{{"n", "9"}}, 6}}).values == SeriesValues{{two, 0.5}});
  const Shares idle = shares_of({{one, 0}, {two, 1}}, {{one, 0}, {two, 0}});
  CHECK(idle.none_of_none == 1);
  CHECK(idle.values.size() == 1);
  CHECK(std::isinf(idle.values.at(two)));
}

TEST_CASE("exposition: what is kept of an answer is kept again, whatever ends its lines") {
  const std::string text = "up 1\r\r\r\nup{a=\"b\"} 2\r\n";
  const auto lines = lines_of(text, {"up"});
  REQUIRE(lines.has_value());
  CHECK(*lines == "up 1\nup{a=\"b\"} 2\n");
  CHECK(lines_of(*lines, {"up"}).value() == *lines);
}
