// Answers of the name service: sound ones, other ones in their place, and bytes that somebody sends who means ill.
#include "agents/host/dns_message.hpp"

#include <gmock/gmock.h>

#include "agents/host/packet_bytes.hpp"
#include "common/ids.hpp"

namespace troop::agents {
namespace {

using Bytes = std::vector<std::uint8_t>;
using boost::asio::ip::make_address;
using testing::ElementsAre;

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }
Bytes operator+(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

Bytes name(const DnsName& labels) {
  Bytes out;
  for (const auto& label : labels) {
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out = out + bytes(label);
  }
  out.push_back(0);
  return out;
}
/// Its head: flags, and how many questions, answers, authorities, additional records.
Bytes head(std::uint8_t high, std::uint8_t low, Bytes counts) {
  Bytes out{0x12, 0x34, high, low};
  for (const auto count : counts) out = out + Bytes{0, count};
  return out;
}
Bytes question(const DnsName& labels, std::uint8_t type) { return name(labels) + Bytes{0, type, 0, 1}; }
const Bytes pointer{0xc0, 12};
Bytes record(const Bytes& owner, std::uint8_t type, const Bytes& data) {
  return owner + Bytes{0, type, 0, 1, 0, 0, 0x0e, 0x10, 0, static_cast<std::uint8_t>(data.size())} + data;
}
const Bytes extension{0, 0, 41, 0x04, 0xd0, 1, 0, 0x80,
                      0, 0, 4,  0,    3,    0, 0};  // 1232 bytes, BADVERS, "DNSSEC OK", options

/// A truncated one: an alias and its address, a name server, an address of that, an OPT record; AD is set.
Bytes rich_answer(const DnsName& labels = {"Db", "eXample", "com"}, std::uint8_t type = 1) {
  return head(0x83, 0xa0, {1, 2, 1, 2}) + question(labels, type) +
         record(pointer, 5, Bytes{3, 'a', 'b', 'c', 0xc0, 15}) + record(Bytes{0xc0, 40}, 1, {192, 0, 2, 10}) +
         record(Bytes{0xc0, 15}, 2, pointer) + record(pointer, 1, {192, 0, 2, 11}) + extension;
}

TEST(DnsMessageTest, ReadsTheQuestionOfASoundAnswer) {
  const auto found = answered_question(rich_answer());
  ASSERT_TRUE(found);
  EXPECT_THAT(found->name, ElementsAre("db", "example", "com"));
  EXPECT_EQ(found->type, 1);
  EXPECT_EQ(found->end, 12U + 16 + 4);
  EXPECT_EQ(found->extension, rich_answer().size() - extension.size() + 1);
  const auto root = answered_question(head(0x81, 0x80, {1, 0, 0, 0}) + question({}, 2));
  ASSERT_TRUE(root);
  EXPECT_TRUE(root->name.empty());
  EXPECT_FALSE(root->extension);
}

TEST(DnsMessageTest, BelievesNoPartOfAnAnswer) {
  const auto whole = rich_answer();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(answered_question(std::span{whole}.first(size))) << size;
  }
}

TEST(DnsMessageTest, ReadsNothingElse) {
  const DnsName labels{"db", "test"};
  const Bytes asked = question(labels, 1), address = record(pointer, 1, {192, 0, 2, 10});
  const auto expect_nothing = [](const Bytes& message, const char* what) {
    EXPECT_FALSE(answered_question(message)) << what;
  };
  ASSERT_TRUE(answered_question(head(0x81, 0x80, {1, 1, 0, 0}) + asked + address));
  expect_nothing(head(0x01, 0x00, {1, 0, 0, 0}) + asked, "a question");
  expect_nothing(head(0xa9, 0x80, {1, 0, 0, 0}) + asked, "another kind of request (opcode 5)");
  expect_nothing(head(0x81, 0x80, {0, 0, 0, 0}), "no question");
  expect_nothing(head(0x81, 0x80, {2, 0, 0, 0}) + asked + asked, "two");
  expect_nothing(head(0x81, 0x80, {1, 2, 0, 0}) + asked + address, "a record less than said");
  expect_nothing(head(0x81, 0x80, {1, 0, 0, 0}) + name(labels) + Bytes{0, 16, 0, 3}, "the class CHAOS");
  expect_nothing(head(0x81, 0x80, {1, 0, 0, 0}) + pointer + Bytes{0, 1, 0, 1}, "a name that points to itself");
  expect_nothing(head(0x81, 0x80, {1, 0, 0, 0}) + Bytes{0xc0, 0, 0, 1, 0, 1}, "to the message's begin");
  expect_nothing(head(0x81, 0x80, {1, 0, 0, 0}) + Bytes{2, 'd', 'b', 0xc0, 12, 0, 1, 0, 1}, "into itself");
  expect_nothing(head(0x81, 0x80, {1, 0, 0, 0}) + Bytes{0x40, 'd', 0, 0, 1, 0, 1}, "a kind of label that is none");
  expect_nothing(head(0x81, 0x80, {1, 0, 0, 0}) + Bytes{63, 'd', 'b', 0, 0, 1, 0, 1}, "a label beyond the end");
  expect_nothing(head(0x81, 0x80, {1, 0, 0, 0}) + question(DnsName(64, "abc"), 1), "a name of 257 bytes");
  EXPECT_TRUE(answered_question(
      head(0x81, 0x80, {1, 0, 0, 0}) +
      question({std::string(63, 'a'), std::string(63, 'b'), std::string(63, 'c'), std::string(61, 'd')}, 1)))
      << "one of 255";
  Bytes many = head(0x81, 0x80, {1, 0, 0, 0}) + asked + address;
  for (const std::size_t count : {6, 7, 8, 9, 10, 11}) many[count] = 0xff;
  expect_nothing(many, "196,605 records that are not there");
  Bytes loop = head(0x81, 0x80, {1, 1, 0, 0}) + asked + record(Bytes{0xc0, 25}, 1, {192, 0, 2, 10});
  EXPECT_TRUE(answered_question(loop)) << "a record's name points to itself: nobody follows it";
  Bytes beyond = head(0x81, 0x80, {1, 1, 0, 0}) + asked + address;
  beyond[beyond.size() - 6] = 0xff;  // so much data
  expect_nothing(beyond, "data beyond the end");
}

TEST(DnsMessageTest, StandsWhateverBytesCome) {
  Random random{20};
  const auto whole = rich_answer();
  const auto expect_sound = [&](const Bytes& message) {
    const auto found = answered_question(message);
    if (!found) return;
    ASSERT_LE(found->end, message.size());
    for (const auto answer : {DnsAnswer::nxdomain, DnsAnswer::servfail, DnsAnswer::nodata, DnsAnswer::address}) {
      const auto other = other_answer(message, *found, answer, make_address("192.0.2.1"));
      if (other.empty()) continue;
      const auto read = answered_question(other);
      ASSERT_TRUE(read);
      EXPECT_EQ(read->name, found->name);
      EXPECT_LE(other.size(), message.size() + 16);
    }
  };
  for (int round = 0; round < 20'000; ++round) {
    Bytes spoiled = whole;
    for (auto i = 1 + random.below(4); i > 0; --i)
      spoiled[random.below(spoiled.size())] = static_cast<std::uint8_t>(random.next());
    spoiled.resize(random.below(8) == 0 ? random.below(spoiled.size()) : spoiled.size());
    expect_sound(spoiled);
    Bytes noise(random.below(120));
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random.next());
    if (noise.size() > 12) noise[2] = 0x81, noise[4] = 0, noise[5] = 1;
    expect_sound(noise);
  }
}

TEST(DnsMessageTest, SaysThatThereIsNothingAndKeepsNobodyFromAskingAgain) {
  const auto message = rich_answer();
  const auto found = answered_question(message);
  ASSERT_TRUE(found);
  for (const auto& [answer, code] :
       {std::pair{DnsAnswer::nxdomain, 3}, std::pair{DnsAnswer::servfail, 2}, std::pair{DnsAnswer::nodata, 0}}) {
    const auto other = other_answer(message, *found, answer, {});
    Bytes expected = head(0x81, static_cast<std::uint8_t>(0x80 | code), {1, 0, 0, 1}) +
                     question({"Db", "eXample", "com"}, 1) + Bytes{0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0};
    EXPECT_EQ(other, expected) << code << ": neither cut nor authentic, without options, and asked as it was asked";
  }
  const Bytes plain = head(0x81, 0x80, {1, 0, 0, 0}) + question({"db", "test"}, 15);
  const auto other = other_answer(plain, *answered_question(plain), DnsAnswer::nxdomain, {});
  EXPECT_EQ(other, head(0x81, 0x83, {1, 0, 0, 0}) + question({"db", "test"}, 15)) << "no OPT where there was none";
}

TEST(DnsMessageTest, SaysAnotherAddress) {
  const DnsName labels{"db", "test"};
  const auto said = [&](std::uint8_t type, const char* address) {
    const Bytes message = head(0x81, 0x83, {1, 0, 0, 0}) + question(labels, type);
    return other_answer(message, *answered_question(message), DnsAnswer::address, make_address(address));
  };
  const Bytes now{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};
  EXPECT_EQ(said(1, "192.0.2.1"), head(0x81, 0x80, {1, 1, 0, 0}) + question(labels, 1) + now);
  EXPECT_EQ(said(28, "192.0.2.1"), head(0x81, 0x80, {1, 0, 0, 0}) + question(labels, 28)) << "of the other family";
  EXPECT_EQ(said(1, "2001:db8::1"), head(0x81, 0x80, {1, 0, 0, 0}) + question(labels, 1));
  EXPECT_TRUE(said(15, "192.0.2.1").empty()) << "nobody asked for an address";
  const auto six = said(28, "2001:db8::1");
  ASSERT_EQ(six.size(), 12U + 9 + 4 + 12 + 16);
  EXPECT_EQ(six[six.size() - 17], 16);
  EXPECT_EQ(six.back(), 1);
}

TEST(DnsNamesTest, HoldTheNamesAndThoseBelow) {
  const auto names = DnsNames::of({"db.example.com", "*.Internal.", "_sip._tcp.example.com."});
  ASSERT_TRUE(names);
  EXPECT_TRUE(names.value().hold({"db", "example", "com"}));
  EXPECT_TRUE(names.value().hold({"a", "internal"}));
  EXPECT_TRUE(names.value().hold({"a", "b", "internal"}));
  EXPECT_TRUE(names.value().hold({"_sip", "_tcp", "example", "com"}));
  for (const DnsName& other : {DnsName{"internal"}, DnsName{"x", "db", "example", "com"}, DnsName{"example", "com"},
                               DnsName{"db.example", "com"}, DnsName{"b", "a.internal"}, DnsName{}}) {
    EXPECT_FALSE(names.value().hold(other)) << testing::PrintToString(other);
  }
}

TEST(DnsNamesTest, RefuseWhatIsNoName) {
  const std::string label(63, 'a');
  for (const std::string wrong :
       {"", ".", "*", "*.", "a..b", ".a", "a b", "bücher.example", "a.*.b", "**.a", "a/b", "\n"}) {
    const auto names = DnsNames::of({"db.test", wrong});
    ASSERT_TRUE(names.has_error()) << wrong;
    EXPECT_THAT(names.error().context, testing::HasSubstr("is no name")) << wrong;
  }
  EXPECT_TRUE(DnsNames::of({label + ".test"}));
  EXPECT_TRUE(DnsNames::of({label + "a.test"}).has_error());
  EXPECT_TRUE(DnsNames::of({label + "." + label + "." + label + "." + label.substr(2)}));
  EXPECT_TRUE(DnsNames::of({label + "." + label + "." + label + "." + label.substr(1)}).has_error());
  EXPECT_TRUE(DnsNames::of({}).has_error());
  EXPECT_TRUE(DnsNames::of(std::vector<std::string>(65, "a")).has_error());
}

Bytes udp_packet(bool v6, const Bytes& carried) {
  Bytes packet(v6 ? 40 : 20);
  packet[0] = v6 ? 0x60 : 0x45;
  packet[v6 ? 6 : 9] = 17;
  packet[v6 ? 8 : 12] = 127;
  packet.resize(packet.size() + 8);
  replace_udp_payload(packet, packet.size(), carried);
  return packet;
}

TEST(UdpPayloadTest, IsReplacedSoThatTheReceiverFindsNothingWrong) {
  for (const bool v6 : {false, true}) {
    auto packet = udp_packet(v6, bytes("sent"));
    const auto begin = udp_payload(packet);
    ASSERT_EQ(begin, v6 ? 48U : 28U);
    for (const std::string text : {"", "x", "something longer"}) {
      replace_udp_payload(packet, *begin, bytes(text));
      ASSERT_EQ(udp_payload(packet), begin);
      EXPECT_EQ(Bytes(packet.begin() + static_cast<std::ptrdiff_t>(*begin), packet.end()), bytes(text));
    }
    EXPECT_EQ(packet.size(), udp_packet(v6, bytes("something longer")).size());
  }
  auto packet = udp_packet(false, bytes("x"));
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 20; i += 2) sum += static_cast<std::uint32_t>(packet[i] << 8 | packet[i + 1]);
  EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffU) << "the IP header's checksum";
}

TEST(UdpPayloadTest, IsNotFoundInWhatIsNoSoundDatagram) {
  for (const bool v6 : {false, true}) {
    const auto whole = udp_packet(v6, bytes("sent"));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(udp_payload(std::span{whole}.first(size))) << size;
    }
    for (std::size_t bit = whole.size() * 8 - 8 * 12; bit < whole.size() * 8; ++bit) {
      auto spoiled = whole;
      spoiled[bit / 8] = static_cast<std::uint8_t>(spoiled[bit / 8] ^ (1U << (bit % 8)));
      EXPECT_FALSE(udp_payload(spoiled)) << "the network has spoiled it: bit " << bit;
    }
    auto other = whole;
    other[v6 ? 6 : 9] = 6;
    EXPECT_FALSE(udp_payload(other)) << "TCP";
    auto unchecked = whole;
    unchecked[whole.size() - 6] = unchecked[whole.size() - 5] = 0;
    EXPECT_EQ(udp_payload(unchecked).has_value(), !v6);
  }
  auto fragment = udp_packet(false, bytes("sent"));
  fragment[6] = 0x20;
  EXPECT_FALSE(udp_payload(fragment));
  fragment[6] = 0x40;
  EXPECT_TRUE(udp_payload(fragment)) << "whole, and not to be divided";
  auto odd = udp_packet(false, bytes("sent"));
  odd[0] = 0x42;  // a header shorter than any
  EXPECT_FALSE(udp_payload(odd));
}

}  // namespace
}  // namespace troop::agents
