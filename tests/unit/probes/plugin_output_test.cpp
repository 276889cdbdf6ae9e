#include "resource/plugin_output.hpp"

#include <doctest/doctest.h>

using namespace yagura;

namespace {

using Values = MeasuredValues;

Values named(std::string_view output) {
  return named_values(parse_plugin_output(output).values);
}

std::string range_words(std::string_view text) {
  auto range = parse_plugin_range(text);
  return range ? range->words() : "none";
}

}  // namespace

// As Debian 12's monitoring-plugins 2.3.3 write them.
TEST_CASE("what real plugins write is read") {
  auto ping = parse_plugin_output(
      "PING OK - Packet loss = 0%, RTA = 0.07 ms|rta=0.070000ms;100.000000;500.000000;0.000000 "
      "pl=0%;20;60;0;\n");
  CHECK(ping.text == "PING OK - Packet loss = 0%, RTA = 0.07 ms");
  REQUIRE(ping.values.size() == 2);
  CHECK(ping.values[0].label == "rta");
  CHECK(ping.values[0].unit == "ms");
  CHECK(ping.values[0].critical->to == 500);
  CHECK(ping.values[0].least == 0);
  CHECK_FALSE(ping.values[0].most);
  auto named_ping = named_values(ping.values);
  CHECK(named_ping.at("rta_seconds") == doctest::Approx(0.00007));
  CHECK(named_ping.at("pl_percent") == 0);

  CHECK(named("DISK OK - free space: / 69665MiB (71% inode=97%); /dev/shm 24105MiB (99% "
              "inode=99%);| /=29694623744B;243497277849;257024904396;0;270552530944 "
              "/dev/shm=0B;22748332032;24012128256;0;25275924480\n") ==
        Values{{"root_bytes", 29694623744}, {"dev_shm_bytes", 0}});
  CHECK(named("LOAD CRITICAL - scaled load average: 1.98, 1.26, 0.93 - total load average: 3.95, "
              "2.52, 1.86|load1=3.950;;;0; scaled_load1=1.975;0.001;0.002;0; load5=2.520;;;0; "
              "scaled_load5=1.260;0.001;0.002;0; \n") ==
        Values{{"load1", 3.95}, {"scaled_load1", 1.975}, {"load5", 2.52}, {"scaled_load5", 1.26}});
  CHECK(named("HTTP OK: HTTP/1.0 200 OK - 8887 bytes in 0.003 second response time "
              "|time=0.002990s;;;0.000000;10.000000 size=8887B;;;0;\n") ==
        Values{{"time_seconds", 0.00299}, {"size_bytes", 8887}});
  CHECK(named("PROCS OK: 98 processes | procs=98;1:400;1:800;0;\n") == Values{{"procs", 98}});

  auto http = parse_plugin_output(
      "connect to address 127.0.0.1 and port 1: Connection refused\n"
      "HTTP CRITICAL - Unable to open TCP socket\n");
  CHECK(http.text == "connect to address 127.0.0.1 and port 1: Connection refused");
  CHECK(http.long_text == "HTTP CRITICAL - Unable to open TCP socket");
  CHECK(http.values.empty());
  CHECK(parse_plugin_output("CRITICAL: hello\n").text == "CRITICAL: hello");
}

TEST_CASE("long text, and values on several lines, stand as the guidelines have them") {
  auto output = parse_plugin_output(
      "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
      "/ 15272 MB (77%);\n"
      "/boot 68 MB (69%);\n"
      "/var/log 819 MB (84%); | /boot=68MB;88;93;0;98\n"
      "/home=69357MB;253404;253409;0;253414\n"
      "'/var log'=818MB;970;975;0;980\n");
  CHECK(output.text == "DISK OK - free space: / 3326 MB (56%);");
  CHECK(output.long_text == "/ 15272 MB (77%);\n/boot 68 MB (69%);\n/var/log 819 MB (84%);");
  REQUIRE(output.values.size() == 4);
  CHECK(output.values[3].label == "/var log");
  CHECK(output.values[3].most == 980);
  CHECK(named_values(output.values).at("home_bytes") == 69357.0 * 1024 * 1024);
}

TEST_CASE("labels may be quoted, and what is no value is passed over") {
  CHECK(named("|'it''s a label'=1 'a=b'=2s 'x=3 y=4") ==
        Values{{"it_s_a_label", 1}, {"a_b_seconds", 2}, {"x", 3}, {"y", 4}});
  CHECK(named("|=1 a= b=U c=x d=1..2 nonsense e=5;; ''=6 '=7 f = 8 g=inf h=nan i=1e999") ==
        Values{{"e", 5}, {"value", 6}, {"value_2", 7}});
  CHECK(named("|a=-1.5 b=+2 c=.5 d=1,5s e=1e-05 f=3c g=7RPM") == Values{{"a", -1.5},
                                                                        {"b", 2},
                                                                        {"c", .5},
                                                                        {"d_seconds", 1.5},
                                                                        {"e", 1e-05},
                                                                        {"f_total", 3},
                                                                        {"g_rpm", 7}});
}

TEST_CASE("names are safe, have their unit once, and no two are the same") {
  CHECK(named("|Time_Seconds=1s used_percent=2% percent=3% a.b=4 A-B=5 'a b'=6 \xff\x1b=7 "
              "温度=8") == Values{{"time_seconds", 1},
                                  {"used_percent", 2},
                                  {"percent", 3},
                                  {"a_b", 4},
                                  {"a_b_2", 5},
                                  {"a_b_3", 6},
                                  {"x1b", 7},
                                  {"value", 8}});
}

TEST_CASE("many values, long words and bytes that are no text stay within bounds") {
  std::string many = "ok|";
  for (int number = 0; number < 5000; ++number)
    many += "v" + std::to_string(number) + "=1 ";
  CHECK(named(many).size() == 64);
  auto wild = parse_plugin_output(std::string(100'000, 'x') + "|" + std::string(5000, 'y') +
                                  "=1\n" + std::string(100'000, '\xff'));
  CHECK(wild.text.size() <= 500);
  CHECK(wild.long_text.size() <= 4000);
  CHECK(wild.values.at(0).label.size() <= 60);
  CHECK(parse_plugin_output("a\x1b[31m\xff b\r\n").text == "a\\x1b[31m\xef\xbf\xbd b");
}

TEST_CASE("half of a last value is no value") {
  CHECK(parse_plugin_output("ok|a=1 b=12", true).values.size() == 1);
  CHECK(parse_plugin_output("ok|a=1 b=12").values.size() == 2);
  CHECK(parse_plugin_output("ok|a=1\nlong|b=2\nc=3", true).values.size() == 2);
  CHECK(parse_plugin_output("ok|a=1\nlong text that was cu", true).values.size() == 1);
}

TEST_CASE("ranges alert as the guidelines say") {
  const auto alerts = [](std::string_view text, double value) {
    return parse_plugin_range(text)->alerts(value);
  };
  CHECK(alerts("10", -1));
  CHECK_FALSE(alerts("10", 0));
  CHECK_FALSE(alerts("10", 10));
  CHECK(alerts("10", 11));
  CHECK(alerts("10:", 9));
  CHECK_FALSE(alerts("10:", 1e9));
  CHECK_FALSE(alerts("~:10", -1e9));
  CHECK(alerts("~:10", 11));
  CHECK(alerts("10:20", 9));
  CHECK_FALSE(alerts("10:20", 15));
  CHECK(alerts("@10:20", 10));
  CHECK_FALSE(alerts("@10:20", 21));
  CHECK_FALSE(alerts("10s", 10));  // A unit that is repeated.
  CHECK(range_words("10") == "above 10");
  CHECK(range_words("10:") == "below 10");
  CHECK(range_words("~:10") == "above 10");
  CHECK(range_words("10:20") == "outside 10 to 20");
  CHECK(range_words("@1:2") == "within 1 to 2");
  for (std::string_view none : {"", "x", "20:10", "@", "~", "x:1", "1:x"}) {
    CAPTURE(none);
    CHECK(range_words(none) == "none");
  }
}
