// SPDX-License-Identifier: Apache-2.0
#include "tests/images/layers.h"

#include <algorithm>

#include "tests/images/deb.h"

namespace ballast::images {
namespace {

template <typename... Function>
struct Overloaded : Function... {
    using Function::operator()...;
};

std::string expand(const Text &text) {
    std::string content = text.content;
    if (text.size > content.size()) {
        content.resize(text.size - text.tail.size(), '\0');
        content += text.tail;
    }
    return content;
}

Result<std::string> program_for(const FromProgram &program, const Platform &platform, const Sources &sources) {
    if (platform != build_platform()) {
        return fail(EINVAL, "program " + program.name + " is compiled for " + build_platform().describe() +
                                " only, and the image is for " + platform.describe());
    }
    return sources.program(program.name);
}

Result<std::string> content_of(const EntrySpec &spec, const Platform &platform, const Sources &sources) {
    const Overloaded origins{
        [](const Text &text) -> Result<std::string> { return expand(text); },
        [&](const FromPackage &from) {
            return sources.package_file(from.package, debian_architecture(platform), from.member);
        },
        [&](const FromProgram &from) { return program_for(from, platform, sources); },
        [&](const FromSource &from) { return sources.source_file(from.path); },
        [](const Applets &) -> Result<std::string> { return std::string(); },
    };
    return std::visit(origins, spec.origin).within(spec.where);
}

// One symbolic link for each applet, but not over names that the layer gives to something else.
Status add_applets(std::vector<Entry> &layer, const EntrySpec &spec, const std::string &busybox) {
    const auto program = std::ranges::find(layer, busybox, &Entry::path);
    if (program == layer.end() || program->kind != Kind::kFile) {
        return fail(EINVAL, spec.where + ": busybox: " + busybox + " must be a file above in the same layer");
    }
    const std::string content = program->content;
    for (const std::string &name : TRY(busybox_applets(content).within(spec.where + ": " + busybox))) {
        const std::string path = spec.entry.path + "/" + name;
        if (!std::ranges::contains(layer, path, &Entry::path)) {
            layer.push_back({.path = path, .kind = Kind::kSymlink, .target = "/" + busybox, .mode = 0777});
        }
    }
    return {};
}

Result<std::vector<Entry>> layer_entries(const std::vector<EntrySpec> &specs, const Platform &platform,
                                         const Sources &sources) {
    std::vector<Entry> layer;
    for (const EntrySpec &spec : specs) {
        if (const auto *applets = std::get_if<Applets>(&spec.origin)) {
            TRY(add_applets(layer, spec, applets->busybox));
            continue;
        }
        Entry entry = spec.entry;
        if (entry.kind == Kind::kFile) {
            entry.content = TRY(content_of(spec, platform, sources));
        }
        layer.push_back(std::move(entry));
    }
    return layer;
}

} // namespace

Result<std::vector<std::vector<Entry>>> image_layers(const ImageSpec &image, const Platform &platform,
                                                     const Sources &sources) {
    std::vector<std::vector<Entry>> layers;
    Tree tree;
    for (const std::vector<EntrySpec> &specs : image.layers) {
        std::vector<Entry> entries = TRY(layer_entries(specs, platform, sources));
        const std::string context =
            image.where + ": image " + image.name + ": layer " + std::to_string(layers.size() + 1);
        layers.push_back(TRY(complete_layer(std::move(entries), tree).within(context)));
        TRY(apply_layer(tree, layers.back()).within(context));
    }
    return layers;
}

Result<Tree> image_tree(const std::vector<std::vector<Entry>> &layers) {
    Tree tree;
    for (const std::vector<Entry> &layer : layers) {
        TRY(apply_layer(tree, layer));
    }
    return tree;
}

} // namespace ballast::images
