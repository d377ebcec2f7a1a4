// SPDX-License-Identifier: Apache-2.0
#include "base/stream/remote_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json/json_cursor.h"
#include "base/stream/channels.h"
#include "base/stream/spdy.h"

namespace ballast::stream {
namespace {

constexpr std::uint8_t kInput = 0; // channels
constexpr std::uint8_t kOutput = 1;
constexpr std::uint8_t kErrors = 2;
constexpr std::uint8_t kStatus = 3;
constexpr std::uint8_t kSize = 4;
constexpr std::uint8_t kEnd = 255; // version 5: the channel that follows ended

constexpr std::size_t kLargestSize = 1024; // bytes of a message on a terminal's size

bool tells_json(std::string_view protocol) { return protocol.starts_with("v4.") || protocol == kCommandV5; }
bool knows_size(std::string_view protocol) { return protocol != kCommandV1 && protocol != "v2.channel.k8s.io"; }

std::string words_of(const CommandEnd &end, bool json) { return json ? status_json(end) : status_text(end); }

class OverWebSocket : public RemoteCommand, private Channels::Events {
  public:
    OverWebSocket(RemoteCommand::Events &events, const CommandStreams &streams, std::string_view protocol)
        : events_(events), streams_(streams), says_end_(protocol == kCommandV5), json_(tells_json(protocol)),
          channels_(*this, protocol.contains("base64") ? Channels::Coding::kBase64 : Channels::Coding::kBinary) {}

    Status feed(std::string_view bytes) override {
        if (!ready_) {
            ready_ = true;
            // An empty message: clients wait for one before they believe in the connection.
            channels_.send(streams_.output ? kOutput : streams_.errors ? kErrors : kStatus, {});
            events_.on_ready();
        }
        return channels_.feed(bytes);
    }
    std::string take_output() override { return channels_.take_output(); }
    std::size_t waiting() const override { return channels_.waiting(); }
    void ping() override { channels_.ping(); }
    void write_output(std::string_view bytes) override { send(kOutput, bytes, streams_.output); }
    void write_errors(std::string_view bytes) override { send(kErrors, bytes, streams_.errors); }
    void finish(const CommandEnd &end) override {
        const std::string words = words_of(end, json_);
        send(kStatus, words, !words.empty());
        channels_.close();
    }

  private:
    void send(std::uint8_t channel, std::string_view bytes, bool wanted) {
        if (wanted) {
            channels_.send(channel, bytes);
        }
    }
    void on_channel(std::uint8_t channel, std::string_view bytes) override {
        if (channel == kInput && streams_.input && !ended_) {
            if (!bytes.empty()) { // some clients open the channel so
                events_.on_input(bytes);
            }
        } else if (channel == kSize && streams_.terminal) {
            if (const auto size = parse_terminal_size(bytes)) {
                events_.on_size(size->columns, size->rows);
            }
        } else if (channel == kEnd && says_end_ && bytes == std::string_view("\0", 1) && streams_.input && !ended_) {
            ended_ = true;
            events_.on_input_end();
        }
    }
    void on_close() override { events_.on_gone(); }

    RemoteCommand::Events &events_;
    CommandStreams streams_;
    bool says_end_;
    bool json_;
    bool ready_ = false;
    bool ended_ = false;
    Channels channels_;
};

class OverSpdy : public RemoteCommand, private Spdy::Events {
  public:
    static Result<std::unique_ptr<RemoteCommand>> make(RemoteCommand::Events &events, const CommandStreams &streams,
                                                       std::string_view protocol) {
        std::unique_ptr<OverSpdy> made(new OverSpdy(events, streams, protocol));
        made->spdy_ = std::make_unique<Spdy>(TRY(Spdy::make(Spdy::Side::kServer, *made)));
        return made;
    }

    Status feed(std::string_view bytes) override { return spdy_->feed(bytes); }
    std::string take_output() override { return spdy_->take_output(); }
    std::size_t waiting() const override { return spdy_->waiting(); }
    void write_output(std::string_view bytes) override { write("stdout", bytes); }
    void write_errors(std::string_view bytes) override { write("stderr", bytes); }
    void ping() override { spdy_->ping(); }
    void finish(const CommandEnd &end) override {
        write("error", words_of(end, json_));
        for (const auto &[name, stream] : named_) {
            spdy_->end(stream);
        }
    }

  private:
    OverSpdy(RemoteCommand::Events &events, const CommandStreams &streams, std::string_view protocol)
        : events_(events), json_(tells_json(protocol)) {
        expected_ = {"error"};
        for (const auto &[name, wanted] :
             {std::pair("stdin", streams.input), std::pair("stdout", streams.output),
              std::pair("stderr", streams.errors), std::pair("resize", streams.terminal && knows_size(protocol))}) {
            if (wanted) {
                expected_.emplace_back(name);
            }
        }
    }
    void write(const std::string &name, std::string_view bytes) {
        if (const auto found = named_.find(name); found != named_.end()) {
            spdy_->write(found->second, bytes);
        }
    }
    bool is(Spdy::Stream stream, const std::string &name) const {
        const auto found = named_.find(name);
        return found != named_.end() && found->second == stream;
    }

    void on_stream(Spdy::Stream stream, const Fields &fields, bool ended) override {
        const std::string name(field(fields, "streamtype"));
        if (!std::ranges::contains(expected_, name) || named_.contains(name)) {
            spdy_->reset(stream, Spdy::kRefused);
            return;
        }
        named_[name] = stream;
        spdy_->accept(stream);
        if (named_.size() == expected_.size()) {
            events_.on_ready();
        }
        if (ended && name == "stdin") {
            events_.on_input_end();
        }
    }
    void on_accepted(Spdy::Stream, const Fields &) override {}
    void on_data(Spdy::Stream stream, std::string_view bytes) override {
        if (is(stream, "stdin")) {
            events_.on_input(bytes);
        } else if (is(stream, "resize")) {
            take_sizes(bytes);
        }
    }
    // One JSON object after the other, with nothing in between, or a line's end.
    void take_sizes(std::string_view bytes) {
        sizes_ += bytes;
        for (std::size_t end = sizes_.find('}'); end != std::string::npos; end = sizes_.find('}')) {
            if (const auto size = parse_terminal_size(std::string_view(sizes_).substr(0, end + 1))) {
                events_.on_size(size->columns, size->rows);
            }
            sizes_.erase(0, end + 1);
        }
        if (sizes_.size() > kLargestSize) {
            sizes_.clear(); // no size is as long
        }
    }
    void on_end(Spdy::Stream stream) override {
        if (is(stream, "stdin")) {
            events_.on_input_end();
        }
    }
    void on_reset(Spdy::Stream stream, std::uint32_t) override {
        if (is(stream, "stdin")) {
            events_.on_input_end();
        }
    }
    void on_go_away() override { events_.on_gone(); }

    RemoteCommand::Events &events_;
    bool json_;
    std::vector<std::string> expected_;
    std::map<std::string, Spdy::Stream> named_;
    std::string sizes_;
    std::unique_ptr<Spdy> spdy_;
};

} // namespace

std::string status_text(const CommandEnd &end) {
    if (!end.exit_code) {
        return end.message;
    }
    return *end.exit_code == 0
               ? ""
               : "command terminated with non-zero exit code: exit status " + std::to_string(*end.exit_code);
}

std::string status_json(const CommandEnd &end) {
    using Json = nlohmann::ordered_json;
    Json json = {{"metadata", Json::object()}, {"status", "Success"}};
    if (end.exit_code != 0) {
        json["status"] = "Failure";
        json["message"] = status_text(end);
        json["reason"] = end.exit_code ? "NonZeroExitCode" : "InternalError";
    }
    if (end.exit_code.value_or(0) != 0) {
        json["details"] = {{"causes", {{{"reason", "ExitCode"}, {"message", std::to_string(*end.exit_code)}}}}};
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::string> choose_protocol(const std::vector<std::string> &offered,
                                           std::span<const std::string_view> spoken) {
    const auto found =
        std::ranges::find_if(offered, [&](const std::string &each) { return std::ranges::contains(spoken, each); });
    return found == offered.end() ? std::nullopt : std::optional(*found);
}

std::optional<TerminalSize> parse_terminal_size(std::string_view json) {
    Result<JsonDocument> document = JsonDocument::parse(json, "size");
    if (!document.has_value()) {
        return std::nullopt;
    }
    const JsonCursor root(*document);
    const TerminalSize size{.columns = root.need("Width").number<std::uint16_t>(),
                            .rows = root.need("Height").number<std::uint16_t>()};
    return document->failed() ? std::nullopt : std::optional(size);
}

Result<std::unique_ptr<RemoteCommand>> RemoteCommand::over_websocket(Events &events, const CommandStreams &streams,
                                                                     std::string_view protocol) {
    if (!std::ranges::contains(kCommandsOverWebSocket, protocol)) {
        return fail(EINVAL, "no protocol of remote commands over WebSocket: " + std::string(protocol));
    }
    return std::make_unique<OverWebSocket>(events, streams, protocol);
}

Result<std::unique_ptr<RemoteCommand>> RemoteCommand::over_spdy(Events &events, const CommandStreams &streams,
                                                                std::string_view protocol) {
    if (!std::ranges::contains(kCommandsOverSpdy, protocol)) {
        return fail(EINVAL, "no protocol of remote commands over SPDY: " + std::string(protocol));
    }
    return OverSpdy::make(events, streams, protocol);
}

} // namespace ballast::stream
