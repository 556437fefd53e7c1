"""What the matrix `transformers-training` runs in each cell: `Trainer` trains a tiny model.

Nothing is downloaded: the model is made from its configuration, the data here. What a quick install
adds (evaluate, wandb, tensorboard, peft) is used where it is installed.
"""

import importlib.util
import os

os.environ.update(HF_HUB_OFFLINE="1", WANDB_MODE="offline", WANDB_SILENT="true")

import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainingArguments,
    set_seed,
)


def there(name):
    return importlib.util.find_spec(name) is not None


def data(size):
    """Sequences of eight tokens; the label says whether the first one is large."""
    tokens = torch.randint(0, 8, (size, 8), generator=torch.Generator().manual_seed(0))
    return Dataset.from_dict(
        {
            "input_ids": tokens.tolist(),
            "attention_mask": torch.ones_like(tokens).tolist(),
            "labels": (tokens[:, 0] >= 4).long().tolist(),
        }
    )


def accuracy(predicted):
    logits, labels = predicted
    right = float((logits.argmax(-1) == labels).mean())
    if not there("evaluate"):
        return {"accuracy": right}
    import datasets
    import evaluate

    class Accuracy(evaluate.Metric):
        def _info(self):
            features = datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            )
            return evaluate.MetricInfo(description="", citation="", features=features)

        def _compute(self, predictions, references):
            pairs = list(zip(predictions, references))
            return {"accuracy": sum(p == r for p, r in pairs) / len(pairs)}

    result = Accuracy().compute(predictions=logits.argmax(-1), references=labels)
    assert abs(result["accuracy"] - right) < 1e-6
    return result


def model():
    config = BertConfig(
        vocab_size=8,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=16,
    )
    plain = BertForSequenceClassification(config)
    if not there("peft"):
        return plain
    from peft import LoraConfig, TaskType, get_peft_model

    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS, r=16, lora_alpha=32, target_modules=["query", "value", "dense"]
    )
    return get_peft_model(plain, lora)


def trackers():
    names = [name for name in ("wandb", "tensorboard") if there(name)]
    return names or "none"


if __name__ == "__main__":
    set_seed(0)
    train, held_out = data(512), data(128)
    arguments = TrainingArguments(
        output_dir="output",
        num_train_epochs=4,
        per_device_train_batch_size=32,
        learning_rate=1e-2,
        logging_steps=16,
        save_strategy="epoch",
        save_total_limit=1,
        eval_strategy="epoch",
        report_to=trackers(),
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(
        model=model(),
        args=arguments,
        train_dataset=train,
        eval_dataset=held_out,
        compute_metrics=accuracy,
    )
    trainer.train()
    result = trainer.evaluate()
    checkpoint = next(
        os.path.join(folder, name)
        for folder, _, names in os.walk("output")
        for name in names
        if name.endswith(".safetensors")
    )
    print("accuracy", result["eval_accuracy"], "tracked by", trackers(), "saved", checkpoint)
    assert load_file(checkpoint)
    assert result["eval_accuracy"] > 0.9, "it has not learned"
