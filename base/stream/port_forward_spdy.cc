// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/stream/port_forward.h"
#include "base/stream/spdy.h"

namespace ballast::stream {
namespace {

constexpr std::size_t kLongestRequest = 128;   // bytes of a request's name
constexpr std::size_t kMostEarly = 64UL << 10; // bytes of data before the stream for errors is there
constexpr Spdy::Limits kLimits{.streams = 1024};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port != 0 ? std::optional(port) : std::nullopt;
}

class OverSpdy : public PortForward, private Spdy::Events {
  public:
    static Result<std::unique_ptr<PortForward>> make(PortForward::Events &events) {
        std::unique_ptr<OverSpdy> made(new OverSpdy(events));
        made->spdy_ = std::make_unique<Spdy>(TRY(Spdy::make(Spdy::Side::kServer, *made, kLimits)));
        return made;
    }

    Status feed(std::string_view bytes) override { return spdy_->feed(bytes); }
    std::string take_output() override { return spdy_->take_output(); }
    std::size_t waiting() const override { return spdy_->waiting(); }
    void ping() override { spdy_->ping(); }

    void write(Connection connection, std::string_view bytes) override { spdy_->write(connection, bytes); }
    void end(Connection connection) override {
        const auto found = open_.find(connection);
        if (found == open_.end()) {
            return;
        }
        spdy_->end(connection);
        spdy_->end(found->second.error); // nothing went wrong
        found->second.ended_here = true;
        forget_ended(connection);
    }
    void refuse(Connection connection, std::string_view message) override {
        const auto found = open_.find(connection);
        if (found == open_.end()) {
            return;
        }
        spdy_->write(found->second.error, message);
        spdy_->end(found->second.error);
        spdy_->end(connection);
        open_.erase(found);
    }
    bool over() const override { return gone_ && open_.empty(); }

  private:
    struct Half { // of a request
        Spdy::Stream data = 0, error = 0;
        std::uint16_t port = 0;
        std::string early; // what came on the first
        bool ended = false;

        bool empty() const { return data == 0 && error == 0; }
    };
    struct Open { // by its stream of data
        Spdy::Stream error = 0;
        bool ended_here = false, ended_there = false;
    };

    explicit OverSpdy(PortForward::Events &events) : events_(events) {}

    void on_stream(Spdy::Stream stream, const Fields &fields, bool ended) override {
        const std::string_view type = field(fields, "streamtype");
        const std::optional<std::uint16_t> port = parse_port(field(fields, "port"));
        std::string request(field(fields, "requestid"));
        if (request.empty()) { // clients of old: the stream for errors comes first, the other one is the next
            request = "#" + std::to_string(type == "data" && stream > 2 ? stream - 2 : stream);
        }
        Half &half = halves_[request];
        Spdy::Stream &mine = type == "data" ? half.data : half.error;
        if ((type != "data" && type != "error") || !port || (!half.empty() && half.port != port) || mine != 0 ||
            request.size() > kLongestRequest) {
            if (half.empty()) {
                halves_.erase(request);
            }
            spdy_->reset(stream, Spdy::kRefused);
            return;
        }
        mine = stream;
        half.port = *port;
        half.ended = half.ended || (type == "data" && ended);
        spdy_->accept(stream);
        if (half.data != 0 && half.error != 0) {
            begin(halves_.extract(request).mapped());
        }
    }
    void begin(const Half &whole) {
        open_[whole.data].error = whole.error;
        events_.on_connection(whole.data, whole.port);
        if (!whole.early.empty()) {
            on_data(whole.data, whole.early);
        }
        if (whole.ended) {
            on_end(whole.data);
        }
    }
    auto half_of(Spdy::Stream stream) {
        return std::ranges::find_if(
            halves_, [stream](const auto &half) { return half.second.data == stream || half.second.error == stream; });
    }

    void on_accepted(Spdy::Stream, const Fields &) override {}
    void on_data(Spdy::Stream stream, std::string_view bytes) override {
        if (open_.contains(stream)) {
            events_.on_data(stream, bytes);
            return;
        }
        const auto half = half_of(stream);
        if (half == halves_.end() || half->second.data != stream) {
            return; // clients say nothing on the other
        }
        half->second.early += bytes;
        if (half->second.early.size() > kMostEarly) {
            halves_.erase(half);
            spdy_->reset(stream, Spdy::kCancel);
        }
    }
    void on_end(Spdy::Stream stream) override {
        if (const auto found = open_.find(stream); found != open_.end()) {
            found->second.ended_there = true;
            events_.on_end(stream);
            forget_ended(stream);
        } else if (const auto half = half_of(stream); half != halves_.end()) {
            half->second.ended = half->second.ended || half->second.data == stream;
        }
    }
    void on_reset(Spdy::Stream stream, std::uint32_t) override {
        if (const auto half = half_of(stream); half != halves_.end()) {
            halves_.erase(half);
        }
        if (const auto found = open_.find(stream); found != open_.end()) {
            spdy_->reset(found->second.error, Spdy::kCancel);
            open_.erase(found);
            events_.on_gone(stream);
        }
    }
    void on_go_away() override { gone_ = true; }
    void forget_ended(Spdy::Stream data) {
        if (const auto found = open_.find(data);
            found != open_.end() && found->second.ended_here && found->second.ended_there) {
            open_.erase(found);
        }
    }

    PortForward::Events &events_;
    std::unique_ptr<Spdy> spdy_;
    std::map<std::string, Half> halves_; // by request: the other stream is still to come
    std::map<Spdy::Stream, Open> open_;
    bool gone_ = false; // the client opens no more
};

} // namespace

Result<std::unique_ptr<PortForward>> PortForward::over_spdy(Events &events) { return OverSpdy::make(events); }

} // namespace ballast::stream
