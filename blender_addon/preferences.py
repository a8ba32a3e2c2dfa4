"""Preferences of the extension: where the backend is, and the models that it can fetch."""

import bpy
from bpy.props import StringProperty

from dollygrip.protocol import ModelInfo

from .backend.fetching import fetching, name_of, size_text
from .backend.session import session
from .backend.setting_up import is_missing
from .drawing import draw_job, draw_set_up, wrapped


class DOLLYGRIP_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    backend: StringProperty(
        name="Backend",
        description="The `dollygrip` executable of the backend, the program that does the work. Empty: the one that "
        "was set up last on this computer, by the button below or from Dollygrip's source by `python build.py dev`",
        subtype="FILE_PATH",
    )

    def draw(self, context):
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "backend", placeholder="The one that was set up last")
        draw_set_up(column, context, "" if is_missing() else "Set Up Again")
        draw_models(self.layout, context)


def draw_models(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Every model that does not come with the backend, and the way to it."""
    layout.separator()
    layout.label(text="Models that do not come with Dollygrip")
    if session.welcome is None:
        layout.label(text="The backend knows which: start it.", icon="INFO")
        layout.operator("dollygrip.start_backend", icon="PLAY")
        draw_job(layout, context, "StartBackend")
        return
    if not bpy.app.online_access:
        row = layout.row()
        row.alert = True
        row.label(text="To fetch one, switch on System › Network › Allow Online Access.", icon="INTERNET_OFFLINE")
    for model in session.welcome.models:
        draw_model(layout.box(), context, model)


def draw_model(layout: bpy.types.UILayout, context: bpy.types.Context, model: ModelInfo) -> None:
    row = layout.row()
    row.label(text=name_of(model), icon="CHECKMARK" if model.ready else "IMPORT")
    if fetching.task and fetching.task.model.name == model.name:
        row = row.row(align=True)
        row.progress(factor=fetching.status.share, text=fetching.line)
        row.operator("dollygrip.cancel_fetch", text="", icon="X")
    elif model.ready:
        row.label(text="On this computer")
    else:
        row.enabled = not lacks_card(model.name)
        row.operator("dollygrip.fetch_model", text=f"Fetch {size_text(model.download_bytes)}…").model = model.name
    purpose = model.title.partition(":")[2].strip()
    wrapped(layout, context, f"{purpose[:1].upper()}{purpose[1:]}. Licence: {model.licence}.")
    if not model.ready and lacks_card(model.name):
        wrapped(layout, context, f"Fetching it is of no use on the backend's computer: {model.reason}.", "INFO")
    elif model.reason:
        wrapped(layout, context, f"{model.reason[:1].upper()}{model.reason[1:]}.", "INFO")
    if fetching.ended and fetching.ended[0].name == model.name and (error := fetching.ended[1].error):
        box = layout.column()
        box.alert = True
        wrapped(box, context, str(error), "ERROR")


def lacks_card(model: str) -> bool:
    """Whether a model is of an engine that runs on CUDA cards, and the backend has none."""
    welcome = session.welcome
    needs = any(engine.name == model and engine.needs_cuda for engine in welcome.engines)
    return needs and not any(device.startswith("cuda") for device in welcome.devices)


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_AP_preferences,))
