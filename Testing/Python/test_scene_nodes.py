"""Nodes and arrays say the same, also after the scene was saved and read."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from CalcinosisImagingLib.analysis.segmentation import CONFIDENCE_TAG, SOURCE_TAG, Segment, Segmentation
from CalcinosisImagingLib.analysis.view import View
from CalcinosisImagingLib.analysis.volume import Volume
from CalcinosisImagingLib.host import start

start()

import slicer  # noqa: E402
from CalcinosisImagingLib.scene import (  # noqa: E402
    bundle,
    hierarchy,
    segmentations,
    tables,
    transforms,
    volumes,
)

OBLIQUE = np.array([[-0.3, 0.05, 0.0, 12.0], [0.0, -0.3, 0.08, -40.0], [0.02, 0.0, 0.5, 7.0], [0, 0, 0, 1.0]])
q, _ = np.linalg.qr(OBLIQUE[:3, :3])
OBLIQUE[:3, :3] = q * [0.3, 0.3, 0.5]


def a_volume():
    rng = np.random.default_rng(3)
    return Volume(rng.integers(-1000, 2000, (8, 10, 12)).astype(np.int16), OBLIQUE)


def a_segmentation(volume):
    labels = np.zeros(volume.voxels.shape, np.uint16)
    labels[1:3, 2:5, 3:9] = 1
    labels[5:7, 6:9, 0:2] = 300
    segments = (
        Segment(1, "deposit-1", "Deposit 1", tags={CONFIDENCE_TAG: "0.9", SOURCE_TAG: "auto"}),
        Segment(300, "deposit-300", "Große Ablagerung / 300"),
    )
    made = Segmentation(volume.with_voxels(labels), segments)
    return segmentations.dressed(made, segmentations.deposits_appearance("ct"))


class SceneNodesTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear(1)
        self.scene = slicer.mrmlScene

    def reload(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.mrb"
            bundle.save_bundle(self.scene, path)
            self.assertEqual([p.name for p in Path(folder).iterdir()], ["scene.mrb"])
            self.scene.Clear(1)
            bundle.load_bundle(self.scene, path)

    def test_a_volume_keeps_voxels_and_place(self):
        volume = a_volume()
        volumes.volume_to_node(self.scene, volume, "CT", "ct")
        self.reload()
        node = self.scene.GetFirstNodeByName("CT")
        read = volumes.volume_from_node(node)
        self.assertTrue(read.same_grid(volume))
        np.testing.assert_array_equal(read.voxels, volume.voxels)
        self.assertEqual(node.GetDisplayNode().GetWindow(), 2500.0)

    def test_a_film_keeps_its_view(self):
        view = View("pa", 20, 30, (0.15, 0.15), 1000.0, (14.5, 9.5), ct_to_view=np.eye(4))
        film = Volume(np.zeros((1, 20, 30), np.uint16), np.diag([-0.15, -0.15, 1.0, 1.0]))
        volumes.set_view(volumes.volume_to_node(self.scene, film, "film", "xray"), view)
        self.reload()
        read = volumes.get_view(self.scene.GetFirstNodeByName("film"))
        self.assertEqual(read.pixel_spacing_mm, (0.15, 0.15))
        np.testing.assert_array_equal(read.ct_to_view, np.eye(4))

    def test_a_segmentation_keeps_labels_names_colours_and_tags(self):
        volume = a_volume()
        given = a_segmentation(volume)
        volume_node = volumes.volume_to_node(self.scene, volume, "CT", "ct")
        node = segmentations.segmentation_to_node(self.scene, given, "deposits", volume_node)
        self.assertEqual(node.GetSegmentation().GetNumberOfLayers("Binary labelmap"), 1)
        for when in ("made", "reloaded"):
            with self.subTest(when):
                if when == "reloaded":
                    self.reload()
                    node = self.scene.GetFirstNodeByName("deposits")
                read = segmentations.segmentation_from_node(node, volume)
                np.testing.assert_array_equal(read.labels, given.labels)
                self.assertEqual([s.segment_id for s in read.segments], ["deposit-1", "deposit-300"])
                self.assertEqual([s.name for s in read.segments], [s.name for s in given.segments])
                self.assertEqual(dict(read.segments[0].tags), dict(given.segments[0].tags))
                np.testing.assert_allclose(read.segments[1].colour, given.segments[1].colour, atol=1e-5)

    def test_a_segmentation_under_a_transform_keeps_its_own_grid(self):
        volume = a_volume()
        given = a_segmentation(volume)
        volume_node = volumes.volume_to_node(self.scene, volume, "MR", "mr")
        field = sitk.GetImageFromArray(np.full((6, 6, 6, 3), 25.0), isVector=True)
        field.SetSpacing((40.0,) * 3)
        field.SetOrigin((-120.0,) * 3)
        transform = transforms.displacement_transform_node(self.scene, "MR to CT", field)
        volume_node.SetAndObserveTransformNodeID(transform.GetID())
        segmentations.segmentation_to_node(self.scene, given, "deposits", volume_node)
        self.reload()
        node = self.scene.GetFirstNodeByName("deposits")
        self.assertIsNotNone(node.GetParentTransformNode())
        name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
        reference = slicer.vtkOrientedImageData()
        text = node.GetSegmentation().GetConversionParameter(name)
        slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, reference, False)
        self.assertEqual(reference.GetDimensions(), volume.size)
        read = segmentations.segmentation_from_node(node, volume)
        np.testing.assert_array_equal(read.labels, given.labels)

    def test_segments_in_two_layers_of_another_extent_are_read_on_the_grid(self):
        volume = a_volume()
        given = a_segmentation(volume)
        volume_node = volumes.volume_to_node(self.scene, volume, "CT", "ct")
        node = segmentations.segmentation_to_node(self.scene, given, "deposits", volume_node)
        node.GetSegmentation().SeparateSegmentLabelmap("deposit-300")
        self.assertEqual(node.GetSegmentation().GetNumberOfLayers("Binary labelmap"), 2)
        read = segmentations.segmentation_from_node(node, volume)
        np.testing.assert_array_equal(read.labels > 0, given.labels > 0)

    def test_tables_texts_and_hierarchy_survive(self):
        rows = [
            {"key": "ct-1", "participant": "", "volume_mm3": 1 / 3, "form": 'a "stone"', "touches_bone": True},
            {"key": "ct-2", "participant": "sub-01", "volume_mm3": None, "form": "ünknown", "touches_bone": False},
        ]
        columns = ["participant", "volume_mm3", "form", "touches_bone"]
        table = tables.table_node(self.scene, "Deposits", columns, rows)
        text = tables.text_node(self.scene, "registration.json", json.dumps({"x": 1 / 3, "y": "é"}))
        visit = hierarchy.visit_item(self.scene, "sub-01", "ses-1")
        for node in (table, text):
            hierarchy.place(self.scene, visit, node)
        self.reload()
        read = tables.table_rows(self.scene.GetFirstNodeByName("Deposits"))
        self.assertEqual(
            read,
            [
                {"participant": "", "volume_mm3": "0.333333", "form": "a 'stone'", "touches_bone": "true"},
                {"participant": "sub-01", "volume_mm3": "", "form": "ünknown", "touches_bone": "false"},
            ],
        )
        self.assertEqual(
            json.loads(self.scene.GetFirstNodeByName("registration.json").GetText()), {"x": 1 / 3, "y": "é"}
        )
        tree = hierarchy.subject_hierarchy(self.scene)
        item = tree.GetItemByDataNode(self.scene.GetFirstNodeByName("Deposits"))
        self.assertEqual(tree.GetItemName(tree.GetItemParent(item)), "ses-1")
        self.assertEqual(tree.GetItemName(tree.GetItemParent(tree.GetItemParent(item))), "sub-01")

    def test_a_plot_survives_with_its_numbers(self):
        tables.scatter_plot(
            self.scene,
            "CT and MR",
            ("volume CT", np.array([1.5, 20.0])),
            ("volume MR", np.array([1.0, 18.0])),
            (1, 0, 0),
        )
        self.reload()
        chart = self.scene.GetFirstNodeByName("CT and MR chart")
        series = chart.GetNthPlotSeriesNode(0)
        values = slicer.util.arrayFromTableColumn(series.GetTableNode(), series.GetYColumnName())
        np.testing.assert_array_equal(values, [1.0, 18.0])

    def test_points_follow_the_displacement_field_and_back(self):
        size, spacing = (20, 20, 20), 4.0
        grid = np.stack(np.meshgrid(*[np.arange(20) * spacing] * 3, indexing="ij"), -1).transpose(2, 1, 0, 3)
        displacement = np.stack([2 + 0.05 * grid[..., 0], np.sin(grid[..., 1] / 30), 0 * grid[..., 2] - 1], -1)
        field = sitk.GetImageFromArray(displacement, isVector=True)
        field.SetSpacing((spacing,) * 3)
        self.assertEqual(field.GetSize(), size)
        node = transforms.displacement_transform_node(self.scene, "MR to CT", field)
        lps = np.array([[30.0, 35.0, 40.0], [51.0, 20.0, 22.0]])
        expected = lps + np.stack([2 + 0.05 * lps[:, 0], np.sin(lps[:, 1] / 30), [-1.0, -1.0]], -1)
        flip = np.array([-1.0, -1.0, 1.0])
        self.reload()
        node = self.scene.GetFirstNodeByName("MR to CT")
        there = transforms.points_between(lps * flip, None, node)
        np.testing.assert_allclose(there, expected * flip, atol=0.01)
        np.testing.assert_allclose(transforms.points_between(there, node, None), lps * flip, atol=0.02)
