#include "agents/host/packet_queue.hpp"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace troop::agents {
namespace {

constexpr std::size_t overhead_max = 1024;  // of a message, beside the packet's content
constexpr std::size_t content_max = 0xffff;
constexpr std::size_t batch = 64;                  // messages for one system call
constexpr std::size_t verdicts_bytes = 64 * 1024;  // likewise
constexpr std::uint16_t first_number = 30'000;
constexpr std::uint16_t numbers = 500;
constexpr std::uint32_t length_asked = 200'000;  // packets: older kernels hold as many
constexpr int receive_buffer_bytes = 64 << 20;   // what comes while we do not run

/// A request about queue `number`, in `buffer`.
nlmsghdr* request(char* buffer, std::uint16_t type, std::uint16_t flags, std::uint16_t number) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer);
  header->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_QUEUE << 8) | type);
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  auto* more = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  *more = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(number)};
  return header;
}

/// 0, or what the kernel says against it.
int bind_queue(int fd, std::uint16_t number, PacketQueue::Tell tell) {
  const bool whole = tell == PacketQueue::Tell::content;
  std::array<char, overhead_max> buffer{};
  nlmsghdr* header = request(buffer.data(), NFQNL_MSG_CONFIG, NLM_F_ACK, number);
  const nfqnl_msg_config_cmd command{.command = NFQNL_CFG_CMD_BIND, ._pad = 0, .pf = 0};
  mnl_attr_put(header, NFQA_CFG_CMD, sizeof command, &command);
  const nfqnl_msg_config_params parameters{
      .copy_range = htonl(whole ? content_max : 0),
      .copy_mode = static_cast<std::uint8_t>(whole ? NFQNL_COPY_PACKET : NFQNL_COPY_META)};
  mnl_attr_put(header, NFQA_CFG_PARAMS, sizeof parameters, &parameters);
  // Without GSO the kernel cuts what it had put together into packets, and writes their checksums.
  const std::uint32_t flags = NFQA_CFG_F_FAIL_OPEN | (whole ? 0 : NFQA_CFG_F_GSO);
  mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(flags));
  mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO));
  mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(length_asked));
  if (send(fd, header, header->nlmsg_len, 0) < 0) return errno;
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0) return errno;
  header = reinterpret_cast<nlmsghdr*>(buffer.data());
  if (!mnl_nlmsg_ok(header, static_cast<int>(got)) || header->nlmsg_type != NLMSG_ERROR) return EPROTO;
  return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
}

/// For each attribute of a message about a packet: `described` is that QueuedPacket.
int note(const nlattr* attribute, void* described) {
  auto& packet = *static_cast<QueuedPacket*>(described);
  switch (mnl_attr_get_type(attribute)) {
    case NFQA_PACKET_HDR:
      packet.number = ntohl(static_cast<const nfqnl_msg_packet_hdr*>(mnl_attr_get_payload(attribute))->packet_id);
      break;
    case NFQA_MARK:
      packet.mark = ntohl(mnl_attr_get_u32(attribute));
      break;
    case NFQA_PAYLOAD:
      packet.content = {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)),
                        mnl_attr_get_payload_len(attribute)};
      break;
    default:
      break;
  }
  return MNL_CB_OK;
}

Result<void> send_all(int fd, const void* messages, std::size_t bytes) {
  while (send(fd, messages, bytes, 0) < 0) {
    if (errno != EINTR) return system_error(ErrorKind::lost, "nfnetlink_queue", errno);
  }
  return success();
}

}  // namespace

PacketQueue::PacketQueue(UniqueFd fd, std::uint16_t number, std::size_t message_max)
    : fd_(std::move(fd)), number_(number), message_max_(message_max), buffer_(batch * message_max) {}

Result<PacketQueue> PacketQueue::open(Tell tell) {
  UniqueFd fd{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
  if (!fd) return system_error(ErrorKind::usage, "nfnetlink_queue", errno);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  int wrong = 0;
  for (std::uint16_t number = first_number; number < first_number + numbers; ++number) {
    wrong = bind_queue(fd.get(), number, tell);
    if (wrong == 0) {
      return PacketQueue{std::move(fd), number, overhead_max + (tell == Tell::content ? content_max : 0)};
    }
    if (wrong != EBUSY && wrong != EPERM) break;  // what the kernel says of another's queue
  }
  return system_error(ErrorKind::usage, "nfnetlink_queue", wrong);
}

Result<void> PacketQueue::receive(std::vector<QueuedPacket>& packets) {
  std::array<iovec, batch> parts;
  std::array<mmsghdr, batch> messages{};
  for (std::size_t i = 0; i < batch; ++i) {
    parts[i] = {buffer_.data() + i * message_max_, message_max_};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int count = recvmmsg(fd_.get(), messages.data(), batch, MSG_DONTWAIT, nullptr);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return success();
  if (count < 0) return system_error(ErrorKind::lost, "nfnetlink_queue", errno);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    auto left = static_cast<int>(messages[i].msg_len);
    for (auto* header = static_cast<nlmsghdr*>(parts[i].iov_base); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      if (header->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET)) continue;
      mnl_attr_parse(header, sizeof(nfgenmsg), note, &packets.emplace_back());
    }
  }
  return success();
}

Result<void> PacketQueue::release_until(std::uint32_t packet) {
  std::array<char, overhead_max> buffer{};
  nlmsghdr* header = request(buffer.data(), NFQNL_MSG_VERDICT_BATCH, 0, number_);
  const nfqnl_msg_verdict_hdr verdict{.verdict = htonl(NF_ACCEPT), .id = htonl(packet)};
  mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof verdict, &verdict);
  return send_all(fd_.get(), header, header->nlmsg_len);
}

Result<void> PacketQueue::release(std::uint32_t packet, std::span<const std::uint8_t> content) {
  return decide(packet, NF_ACCEPT, content);
}

Result<void> PacketQueue::drop(std::uint32_t packet) { return decide(packet, NF_DROP, {}); }

Result<void> PacketQueue::decide(std::uint32_t packet, std::uint32_t verdict, std::span<const std::uint8_t> content) {
  const std::size_t before = verdicts_.size();
  verdicts_.resize(before + overhead_max + content.size());
  nlmsghdr* header = request(verdicts_.data() + before, NFQNL_MSG_VERDICT, 0, number_);
  const nfqnl_msg_verdict_hdr decided{.verdict = htonl(verdict), .id = htonl(packet)};
  mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof decided, &decided);
  if (!content.empty()) mnl_attr_put(header, NFQA_PAYLOAD, content.size(), content.data());
  verdicts_.resize(before + MNL_ALIGN(header->nlmsg_len));
  return verdicts_.size() < verdicts_bytes ? success() : flush();
}

Result<void> PacketQueue::flush() {
  if (verdicts_.empty()) return success();
  auto sent = send_all(fd_.get(), verdicts_.data(), verdicts_.size());
  verdicts_.clear();
  return sent;
}

}  // namespace troop::agents
