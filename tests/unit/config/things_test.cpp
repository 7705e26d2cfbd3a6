#include "config/things.hpp"

#include <gmock/gmock.h>

#include "config/interpret.hpp"

namespace ferry::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Things, StandForADeviceOrAProduct) {
  EXPECT_THAT(*values::Things::parse("van-7 = tracker, a:b_c=meter/10.1.0.7,x = meter/a b/c"),
              ElementsAre(ThingSettings{"van-7", "tracker", ""},
                          ThingSettings{"a:b_c", "meter", "10.1.0.7"},
                          ThingSettings{"x", "meter", "a b/c"}));
  for (const char* text :
       {"", "van-7", "van-7 =", "= meter", "van 7 = meter", "a/b = meter", "+ = meter",
        "a = meter/", "a = me ter/1", "a = meter,", "a = m, a = n", "a = meter/1, b = meter/1"}) {
    EXPECT_FALSE(values::Things::parse(text)) << text;
  }
}

TEST(Things, AreAtMostSixteen) {
  std::string text = "t0 = meter";
  for (int i = 1; i < 16; ++i) text += ", t" + std::to_string(i) + " = meter";
  EXPECT_EQ(values::Things::parse(text)->size(), 16U);
  EXPECT_FALSE(values::Things::parse(text + ", t16 = meter"));
}

Problems thing_problems(const std::string& more) {
  return interpret({{"ferry.ini", "[product.meter]\n[source.a]\ntype = aws-jobs\n" + more}}, "gw")
      .problems;
}

TEST(Things, ASourceOfJobsNeedsTheirCertificateAndTheirProducts) {
  const std::string whole =
      "endpoint = h:8883\nthings = t = meter\nclient_certificate = /c\nclient_key = /k\n";
  EXPECT_THAT(thing_problems(whole), IsEmpty());
  EXPECT_THAT(thing_problems("endpoint = h:8883\nthings = t = meter\n"),
              ElementsAre(HasSubstr("client_certificate: is missing")));
  EXPECT_THAT(
      thing_problems("endpoint = h:8883\nthings = t = lock\nclient_certificate = /c\nclient_key = "
                     "/k\n"),
      ElementsAre(HasSubstr("things: there is no section [product.lock]")));
  EXPECT_THAT(thing_problems(whole + "url = https://h/\n"),
              ElementsAre(HasSubstr("url: belongs to type = https, tuf")));
}

TEST(Things, OfTheOwnBrokerStandForTheirProducts) {
  EXPECT_THAT(values::products_of_things("van-7 = tracker, a:b = meter"),
              ElementsAre("tracker", "meter"));
  EXPECT_EQ(values::ThingProducts::parse("van-7 = tracker"), "van-7 = tracker");
  EXPECT_FALSE(values::ThingProducts::parse("van-7 = tracker/10.1.0.7"));
  EXPECT_FALSE(values::ThingProducts::parse("van-7"));
  const auto problems = interpret({{"ferry.ini",
                                    "[product.meter]\n[transport.t]\nplugin = mqtt\n"
                                    "url = http://h:1/\nthings = a = meter, b = lock\n"}},
                                  "gw")
                            .problems;
  EXPECT_THAT(problems, ElementsAre(HasSubstr("things: there is no section [product.lock]")));
}

}  // namespace
}  // namespace ferry::config
