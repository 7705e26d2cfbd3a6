// What is wrong in a configuration is reported all at once, each with file, line, section and key.
#include <gmock/gmock.h>

#include "config/interpret.hpp"

namespace ferry::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Problems problems_of(std::string text, const std::string& host_name = "gateway") {
  const auto loaded = interpret({{"ferry.ini", std::move(text)}}, host_name);
  EXPECT_EQ(loaded.settings.has_value(), loaded.problems.empty());
  return loaded.problems;
}

TEST(ConfigProblems, WrongTypeNamesFileLineSectionKeyAndValue) {
  EXPECT_THAT(problems_of("\n[transport.wifi]\nplugin = http\nlisten = 80a\n"),
              ElementsAre("ferry.ini:4: [transport.wifi] listen: '80a' is not an address:port"));
}

TEST(ConfigProblems, AllAreReportedAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(problems_of("[gatway]\n[storage]\nquota = 1Q\nsize = 3\njunk\n"
                          "[transport.wifi]\nlisten = x\n[source.a]\ntype = ftp\n"),
              ElementsAre(HasSubstr("ferry.ini:1: [gatway]: unknown section"),
                          HasSubstr("ferry.ini:3: [storage] quota: '1Q' is not a size"),
                          HasSubstr("ferry.ini:4: [storage] size: unknown key (known here: path, "
                                    "quota, scrub_interval)"),
                          HasSubstr("ferry.ini:5: 'junk' is neither"),
                          HasSubstr("ferry.ini:6: [transport.wifi] plugin: is missing"),
                          HasSubstr("ferry.ini:9: [source.a] type: 'ftp' is not one of directory, "
                                    "https")));
}

TEST(ConfigProblems, AMirrorNamesSourcesOfTypeTuf) {
  const std::string sources =
      "[source.cloud]\ntype = tuf\nurl = http://a/\nroot = /r\n"
      "[source.stick]\ntype = directory\npath = /s\nproduct = m\n[product.m]\n";
  EXPECT_THAT(problems_of(sources + "[transport.wifi]\nplugin = http\nmirror = cloud\n"),
              testing::IsEmpty());
  EXPECT_THAT(
      problems_of(sources + "[transport.wifi]\nplugin = http\nmirror = cloud, none, stick\n"),
      ElementsAre(
          "ferry.ini:12: [transport.wifi] mirror: there is no section [source.none]",
          HasSubstr("ferry.ini:12: [transport.wifi] mirror: [source.stick] is not of type tuf")));
}

TEST(ConfigProblems, DuplicateKey) {
  EXPECT_THAT(problems_of("[storage]\nquota = 1G\nquota = 1G\n"),
              ElementsAre("ferry.ini:3: [storage] quota: set a second time, first in line 2"));
}

TEST(ConfigProblems, UnknownSectionsOfEveryShape) {
  for (const auto* name : {"storage.x", "Gateway", "source", "sources.x", "x.y"}) {
    EXPECT_THAT(problems_of(std::string("[") + name + "]\n"),
                ElementsAre(HasSubstr("unknown section")))
        << name;
  }
}

TEST(ConfigProblems, SectionNamesAreNames) {
  EXPECT_THAT(problems_of("[product.]\n"), ElementsAre(HasSubstr("'' is not a name")));
  EXPECT_THAT(problems_of("[product..x]\n"), ElementsAre(HasSubstr("'.x' is not a name")));
}

TEST(ConfigProblems, KeysOfSomeDialects) {
  EXPECT_THAT(problems_of("[product.a]\ndialect = pycom\njson_url = u\n"),
              ElementsAre(HasSubstr("[product.a] json_url: belongs to dialect = json, this is")));
  EXPECT_THAT(problems_of("[product.a]\ndialect = json\njson_url =\n"),
              ElementsAre(HasSubstr("[product.a] json_url: must name a field")));
  EXPECT_THAT(problems_of("[product.a]\ndialect = json\njson_hash =\njson_size = a..b\n"),
              ElementsAre(HasSubstr("[product.a] json_size: 'a..b' is not a field")));
  EXPECT_THAT(problems_of("[product.a]\ndialect = esphome\n"),
              ElementsAre(HasSubstr("[product.a] chip_family: is missing")));
  EXPECT_THAT(problems_of("[product.a]\ndialect = chunked\nnothing_to_do = not-modified\n"),
              ElementsAre(HasSubstr("nothing_to_do: 'not-modified' belongs to dialect = json")));
  EXPECT_THAT(problems_of("[product.a]\ndialect = json\nnothing_to_do = not-modified\n"
                          "device_version = query:v\n"),
              ElementsAre());
}

TEST(ConfigProblems, UnknownKeyOfAnHttpTransport) {
  EXPECT_THAT(problems_of("[transport.wifi]\nplugin = http\nlisen = 1.2.3.4:1\n"),
              ElementsAre(HasSubstr("ferry.ini:3: [transport.wifi] lisen: unknown key (known here: "
                                    "plugin, listen,")));
}

TEST(ConfigProblems, AnEmptyValueIsWrongWhereThereIsADefault) {
  EXPECT_THAT(problems_of("[storage]\nquota =\n[gateway]\nname =\n"),
              ElementsAre(HasSubstr("ferry.ini:2: [storage] quota: '' is not a size")));
}

TEST(ConfigProblems, DirectorySourceNeedsPathAndProduct) {
  EXPECT_THAT(problems_of("[source.usb]\ntype = directory\n"),
              ElementsAre(HasSubstr("ferry.ini:1: [source.usb] path: is missing"),
                          HasSubstr("ferry.ini:1: [source.usb] product: is missing")));
}

TEST(ConfigProblems, HttpsSourceNeedsUrlAndKey) {
  EXPECT_THAT(
      problems_of("[source.c]\ntype = https\n"),
      ElementsAre(HasSubstr("[source.c] url: is missing"),
                  HasSubstr("[source.c] public_key: is missing: set it, or say trust = tls")));
}

TEST(ConfigProblems, ASourceWithoutTypeIsOneProblem) {
  EXPECT_THAT(problems_of("[source.c]\nurl = https://h/\n"),
              ElementsAre(HasSubstr("[source.c] type: is missing: What kind of source")));
}

TEST(ConfigProblems, TrustTlsNeedsHttps) {
  EXPECT_THAT(problems_of("[source.c]\ntype = https\nurl = http://h/\ntrust = tls\n"),
              ElementsAre("ferry.ini:3: [source.c] url: trust = tls needs an https:// URL"));
}

TEST(ConfigProblems, TrustTlsContradictsAPublicKey) {
  EXPECT_THAT(
      problems_of("[source.c]\ntype = https\nurl = https://h/\ntrust = tls\n"
                  "public_key = /etc/key.pem\n"),
      ElementsAre(HasSubstr("ferry.ini:4: [source.c] trust: 'tls' contradicts public_key")));
}

TEST(ConfigProblems, SignedSourceByPlainHttpIsFine) {
  EXPECT_THAT(problems_of("[source.c]\ntype = https\nurl = http://h/\npublic_key = /k.pem\n"),
              testing::IsEmpty());
}

TEST(ConfigProblems, KeysOfTheOtherTypeDoNotBelong) {
  EXPECT_THAT(
      problems_of("[source.c]\ntype = https\nurl = https://h/\ntrust = tls\npath = /x\n"),
      ElementsAre("ferry.ini:5: [source.c] path: belongs to type = directory, this is type = "
                  "https"));
  EXPECT_THAT(
      problems_of("[product.p]\nblock_check = skip-last\n"),
      ElementsAre("ferry.ini:2: [product.p] block_check: belongs to dialect = chunked, this is "
                  "dialect = plain"));
}

TEST(ConfigProblems, TransportsAndSourcesNameProductsThatExist) {
  EXPECT_THAT(problems_of("[transport.w]\nplugin = http\nproduct = meter\n"
                          "[source.u]\ntype = directory\npath = /x\nproduct = meter\n"),
              ElementsAre("ferry.ini:3: [transport.w] product: there is no section [product.meter]",
                          "ferry.ini:7: [source.u] product: there is no section [product.meter]"));
}

TEST(ConfigProblems, ProductsOfASiteExistAndAreNamedOnce) {
  const std::string site = "[product.a]\n[source.c]\ntype = https\nurl = https://h/\ntrust = tls\n";
  EXPECT_THAT(problems_of(site + "products = a\n"), testing::IsEmpty());
  EXPECT_THAT(problems_of(site + "products = a, b\n"),
              ElementsAre("ferry.ini:6: [source.c] products: there is no section [product.b]"));
  for (const std::string list : {"a, a", "a,", ",", "a b"}) {
    EXPECT_THAT(problems_of(site + "products = " + list + "\n"),
                ElementsAre("ferry.ini:6: [source.c] products: '" + list +
                            "' is not names, several by comma"));
  }
}

TEST(ConfigProblems, MatchAddressIsANetwork) {
  EXPECT_THAT(
      problems_of("[product.p]\nmatch_address = 10.1.0.0\n"),
      ElementsAre("ferry.ini:2: [product.p] match_address: '10.1.0.0' is not a network like "
                  "10.1.0.0/16"));
}

TEST(ConfigProblems, CertificateAndKeyGoTogether) {
  EXPECT_THAT(
      problems_of("[monitor]\nbroker = h:1\nclient_certificate = /c\n"
                  "[source.c]\ntype = https\nurl = https://h/\ntrust = tls\nclient_key = /k\n"),
      ElementsAre(HasSubstr("ferry.ini:3: [monitor] client_certificate: "),
                  HasSubstr("ferry.ini:8: [source.c] client_key: ")));
}

TEST(ConfigProblems, MonitorContradictions) {
  EXPECT_THAT(problems_of("[monitor]\nbroker = h:1\ntls = no\nca_file = /ca\npassword_file = /p\n"),
              ElementsAre("ferry.ini:4: [monitor] ca_file: contradicts tls = no",
                          "ferry.ini:5: [monitor] password_file: needs a user as well"));
}

TEST(ConfigProblems, PairingThatCannotBeHadIsSaidBeforehand) {
  const std::string product = "[product.lock]\npairing = passkey\n";
  const std::string transport = "[transport.near]\nplugin = ble\nproduct = lock\n";
  EXPECT_THAT(problems_of(product + transport + "backend = bluez\npasskey_file = /etc/passkey\n"),
              testing::IsEmpty());
  EXPECT_THAT(
      problems_of(product + transport + "passkey_file = /etc/passkey\nbackend = kernel\n"),
      ElementsAre(
          "ferry.ini:7: [transport.near] backend: [product.lock] demands pairing = passkey: "
          "only bluetoothd pairs; set backend = bluez, and run it"));
  EXPECT_THAT(problems_of(product + transport),
              ElementsAre(HasSubstr("ferry.ini:3: [transport.near] backend: "),
                          HasSubstr("ferry.ini:3: [transport.near] passkey_file: ")));
  EXPECT_THAT(problems_of(product + transport +
                          "backend = bluez\npasskey_file = /etc/passkey\ndialect = pull\n"),
              ElementsAre(HasSubstr("ferry.ini:8: [transport.near] dialect: ")));
  EXPECT_THAT(
      problems_of("[product.lock]\n" + transport + "passkey_file = /etc/passkey\n"),
      ElementsAre("ferry.ini:5: [transport.near] passkey_file: needs a product with pairing "
                  "= passkey as well"));
  EXPECT_THAT(
      problems_of("[product.lock]\npairing = maybe\n"),
      ElementsAre("ferry.ini:2: [product.lock] pairing: 'maybe' is not one of none, passkey"));
}

TEST(ConfigProblems, AHostNameThatIsNoTopicNeedsAName) {
  EXPECT_THAT(problems_of("", "my/host"), ElementsAre(HasSubstr("[gateway] name: is missing")));
  EXPECT_THAT(problems_of("[gateway]\nname = g\n", "my/host"), testing::IsEmpty());
}

TEST(ConfigProblems, LongValuesAreCutInMessages) {
  const auto problems = problems_of("[storage]\nquota = " + std::string(79, 'x') + "ää\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], HasSubstr("'" + std::string(79, 'x') + "…' is not"));
}

}  // namespace
}  // namespace ferry::config
